"""The table below every step of the Data page: rows as they stand at that step, or those behind a clicked bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from mactuner_core.data.kakaotalk.chat import Chat
from mactuner_core.data.rows import Example, Message, Rejected
from mactuner_core.messages import catalogue
from ui.examples import conversation, small_table
from ui.language import language, t

SHOWN_ROWS = 100
TABLE_HEIGHT = 340
CELL_CHARACTERS = 400


def table_of(examples: Sequence[Example], rows: list[int] | None, *, stage: str, all_rows: int) -> None:
    """Draw the table: all rows of a stage, or only `rows` (places in `examples`) when a chart chose them."""
    count = len(examples) if rows is None else len(rows)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{t(f'data_page.table_{stage}')}**", width="content")
        if rows is not None:
            st.badge(
                t("data_page.filtered", count=f"{count:,}", rows=f"{len(examples):,}"),
                icon=":material/filter_alt:",
                color="blue",
            )
    shown = list(examples[:SHOWN_ROWS]) if rows is None else [examples[row] for row in rows[:SHOWN_ROWS]]
    if not shown:
        st.caption(t("data_page.no_rows"))
        return
    small_table(example_rows(shown), height=TABLE_HEIGHT if len(shown) > 5 else None)
    if len(shown) < count:
        st.caption(t("data_page.first_rows", shown=len(shown), rows=f"{count:,}"))
    if all_rows > len(examples):
        st.caption(t("data_page.work_rows", shown=f"{len(examples):,}", rows=f"{all_rows:,}"))


def example_rows(examples: Iterable[Example]) -> list[dict[str, object]]:
    """Return the rows of the table: line, what was asked and what was answered, or the text, or both sides of a pair."""
    table: list[dict[str, object]] = []
    for example in examples:
        cells: dict[str, object] = {t("data_page.line"): example.line}
        if "text" in example.other:
            cells[t("data_page.text")] = _cell(example.other["text"])
        elif "chosen" in example.other:
            cells[t("data_page.question")] = _cell(_said(example.other["chosen"], "user"))
            cells[t("data_page.chosen")] = _cell(_said(example.other["chosen"], "assistant"))
            cells[t("data_page.other_side")] = _cell(_said(example.other["rejected"], "assistant"))
        else:
            cells[t("data_page.question")] = _cell(_said(example.messages, "user"))
            cells[t("data_page.answer")] = _cell(_said(example.messages, "assistant"))
        if table and cells.keys() != table[0].keys():
            cells = {name: cells.get(name, "") for name in table[0]}
        table.append(cells)
    return table


def messages_table(chat: Chat, rows: list[int] | None) -> None:
    """Draw messages of a chat: the first ones, or those behind a clicked bar."""
    places: Sequence[int] = range(len(chat.messages)) if rows is None else rows
    st.markdown(f"**{t('data_page.table_messages')}**")
    shown = [chat.messages[place] for place in places[:SHOWN_ROWS]]
    if not shown:
        st.caption(t("data_page.no_rows"))
        return
    names = [t(f"data_page.{name}") for name in ("line", "time", "speaker", "message")]
    small_table(
        [
            dict(zip(names, (row.line, row.time or "–", row.sender or "–", _cell(row.text)), strict=True))
            for row in shown
        ],
        height=TABLE_HEIGHT if len(shown) > 5 else None,
    )
    if len(shown) < len(places):
        st.caption(t("data_page.first_rows", shown=len(shown), rows=f"{len(places):,}"))


def left_out_table(rows: Sequence[Rejected], reasons: dict[str, int]) -> None:
    """Draw how many rows were left out for which reason, then line and reason of the first of them."""
    if not rows:
        st.caption(t("data_page.none_rejected"))
        return
    st.caption(t("data_page.why_rejected"))
    first = {row.code: row for row in reversed(rows)}
    if len(reasons) > 1:
        words = [(reason_of(code, first.get(code)), count) for code, count in reasons.items()]
        small_table([{t("data_page.reason"): reason, t("data_page.count"): f"{count:,}"} for reason, count in words])
    small_table(
        [{t("data_page.line"): row.line, t("data_page.reason"): row.text(language())} for row in rows[:SHOWN_ROWS]],
        height=TABLE_HEIGHT if len(rows) > 6 else None,
    )
    count = sum(reasons.values())
    if count > SHOWN_ROWS:
        st.caption(t("data_page.first_rows", shown=min(SHOWN_ROWS, len(rows)), rows=f"{count:,}"))


def reason_of(code: str, first: Rejected | None) -> str:
    """Return the reason in general words where there are any, else as the first row has it."""
    general = f"data_page.why_{code.replace('.', '_')}"
    if general in catalogue():
        return t(general)
    return first.text(language()) if first else code


def as_chat(examples: Sequence[Example], count: int = 3) -> None:
    """Draw the first examples as speech bubbles."""
    for example in examples[:count]:
        with st.container(border=True):
            if "text" in example.other:
                st.text(_cell(example.other["text"]))
            conversation(example.messages or example.other.get("chosen", ()))


def _said(messages: Sequence[Message], role: str) -> str:
    return next((str(message.get("content") or "") for message in reversed(messages) if message["role"] == role), "")


def _cell(words: str) -> str:
    return words if len(words) <= CELL_CHARACTERS else words[:CELL_CHARACTERS] + "…"
