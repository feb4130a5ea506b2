"""Chat examples as people read them: speech bubbles, and rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from ui.errors import escaped
from ui.language import t

AVATARS = {"user": ":material/person:", "assistant": ":material/smart_toy:", "tool": ":material/build:"}


def conversation(messages: Iterable[Mapping[str, str]]) -> None:
    """Draw the messages of one example, exactly as they are (no Markdown)."""
    for message in messages:
        role, content = message["role"], message["content"]
        if role == "system":
            st.caption(f":material/tune: **{t('ui.role_system')}** · {escaped(content)}")
        else:
            with st.chat_message(role, avatar=AVATARS.get(role)):
                st.text(content)


def small_table(rows: Sequence[Mapping[str, object]], *, height: int | None = None) -> None:
    """Draw rows as a plain table whose texts can be read and copied; `height` in pixels makes it scroll."""
    columns = list(rows[0]) if rows else []
    data = {column: [escaped(str(row[column])) for row in rows] for column in columns}
    st.table(data, hide_index=True, border="horizontal", height=height or "content")


def answer_markdown(words: str) -> str:
    """Return what a model wrote as Markdown that loads nothing from the network and reads no sums of money as formulas."""
    return words.replace("![", "!\\[").replace("$", "\\$")
