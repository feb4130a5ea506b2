"""Small parts that the steps of the Data page share."""

from __future__ import annotations

import difflib
from typing import Literal

import streamlit as st

from ui.data_draft import STEPS
from ui.data_work import WORK_ROWS, Desk
from ui.errors import escaped
from ui.language import labels, t

STEP_KEY = "data-step"


def draw_steps(desk: Desk, *, ready: bool) -> str:
    """Draw the steps across the top and return the chosen one; only the first is open while there are no rows."""
    if not ready or st.session_state.get(STEP_KEY) not in (None, *STEPS):
        st.session_state[STEP_KEY] = "load"
    names = labels("data_page.step_", STEPS)
    chosen = st.segmented_control(
        t("data_page.steps"),
        STEPS,
        default=None if STEP_KEY in st.session_state else desk.draft.step,
        required=True,
        format_func=names.__getitem__,
        key=STEP_KEY,
        disabled=not ready,
        label_visibility="collapsed",
    )
    step = str(chosen or "load")
    if ready:
        desk.change(step=step)
    return step


def closed_steps() -> None:
    """Draw the steps before there is a file: one sees where it will go."""
    names = labels("data_page.step_", STEPS)
    st.segmented_control(
        t("data_page.steps"),
        STEPS,
        default=STEPS[0],
        format_func=names.__getitem__,
        key=f"{STEP_KEY}-closed",
        disabled=True,
        label_visibility="collapsed",
    )


def go_to(step: str) -> None:
    """Open a step at the next run; for the callback of a button."""
    st.session_state[STEP_KEY] = step


def next_button(step: str, *, disabled: bool = False, main_action: bool = True) -> None:
    """Draw the button that leads to the next step."""
    kind: Literal["primary", "secondary"] = "primary" if main_action else "secondary"
    st.button(
        t("data_page.next_step", step=t(f"data_page.step_{step}")),
        type=kind,
        icon=":material/arrow_forward:",
        disabled=disabled,
        width="stretch",
        key="data-next-step",
        on_click=go_to,
        args=(step,),
    )


def scope_note(desk: Desk) -> None:
    """Say that figures of a large file are those of its first rows."""
    usable = desk.found().usable
    if usable > WORK_ROWS:
        st.caption(t("data_page.figures_of", shown=f"{WORK_ROWS:,}", rows=f"{usable:,}"))


def marked(before: str, after: str) -> tuple[str, str]:
    """Return both texts as Markdown, what was taken away on red and what was put in on green."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    old, new = [], []
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        gone, come = before[start:end], after[new_start:new_end]
        old.append(_on(gone, "red") if kind != "equal" else escaped(gone))
        new.append(_on(come, "green") if kind != "equal" else escaped(come))
    return "".join(old), "".join(new)


def _on(words: str, colour: str) -> str:
    """Return words on a coloured ground; line ends and spaces are shown, since a change of those is a change too."""
    shown = escaped(words.replace("\n", "↵").replace(" ", "␣") if not words.strip() else words.replace("\n", "↵"))
    return f":{colour}-background[{shown}]" if words else ""
