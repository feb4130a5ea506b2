"""The language of the page: chosen in the sidebar, kept in the address (`?lang=en`), else what the browser speaks.

`t` is the only way a text gets onto a page.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import streamlit as st

from mactuner_core.messages import LANGUAGES, catalogue, current_language, text

KEY = "lang"  # in the address and in the session
SWITCH = "language-switch"


def language() -> str:
    """Return the language of this page: "ko" or "en"."""
    for chosen in (st.query_params.get(KEY), st.session_state.get(KEY)):
        if chosen in LANGUAGES:
            return str(chosen)
    return default_language()


def default_language() -> str:
    """Return MACTUNER_LANG, else the language of the browser, else that of the machine."""
    if not os.environ.get("MACTUNER_LANG") and (locale := st.context.locale):
        return "ko" if locale.lower().startswith("ko") else "en"
    return current_language()


def language_switch() -> None:
    """Draw the switch; what is chosen goes into the address, so that it survives a change of page and a reload."""
    st.segmented_control(
        t("ui.language"),
        LANGUAGES,
        default=language(),
        required=True,
        format_func=lambda code: t(f"ui.language_{code}"),
        key=SWITCH,
        on_change=_choose,
        label_visibility="collapsed",
        width="stretch",
    )


def kept_params() -> dict[str, str]:
    """Return what must stay in the address when the page changes: the language, once it was chosen."""
    chosen = KEY in st.query_params or KEY in st.session_state
    return {KEY: language()} if chosen else {}


def t(key: str, **values: object) -> str:
    """Return the text of `key` in the language of the page, with `values` filled in."""
    return text(key, language(), **values)


def labels(area: str, names: Iterable[str]) -> dict[str, str]:
    """Return what people read for each of the words a program uses: the texts of `<area><name>`."""
    return {name: t(f"{area}{name}") for name in names}


def stage_text(stage: str) -> str:
    """Return what a job is doing now, or nothing when it names no text."""
    return t(stage) if stage in catalogue() else ""


def _choose() -> None:
    st.session_state[KEY] = st.query_params[KEY] = st.session_state[SWITCH]
