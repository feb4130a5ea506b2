"""Data: a file is loaded, understood, cleaned, protected, split and saved as a dataset version, step by step.

The draft of the work lies in the workspace, so that one can leave and come back at any time.
"""

from __future__ import annotations

import streamlit as st

from mactuner_core.errors import MacTunerError
from ui.data_clean import clean_step
from ui.data_draft import load_draft, new_draft
from ui.data_load import load_step
from ui.data_parts import STEP_KEY, closed_steps, draw_steps
from ui.data_protect import protect_step
from ui.data_save import save_step
from ui.data_split import split_step
from ui.data_table import messages_table, table_of
from ui.data_understand import Picked, understand_step
from ui.data_versions import history
from ui.data_work import WORK_ROWS, Desk
from ui.errors import errors_are_shown
from ui.language import t
from ui.page import App, header, main_and_settings, show
from ui.uploads import choose_file


def main(app: App) -> None:
    """Draw the page."""
    versions = app.catalog.dataset_versions()
    header("data", t("data_page.sentence"), t("data_page.chip", count=len(versions)), "blue" if versions else "gray")
    draft = load_draft(app.workspace)
    if draft is not None:
        workshop(Desk(app.workspace, app.catalog, draft))
        return
    begin(app)
    if versions:
        st.divider()
        history(app.workspace, app.catalog, list(versions))


def begin(app: App) -> None:
    """Let a person choose a file, and begin a draft with it."""
    closed_steps()
    left, right = main_and_settings()
    with right:
        st.info(t("data_page.what_file"), icon=":material/lightbulb:")
    with left, errors_are_shown():
        chosen = choose_file()
        if chosen is not None:
            new_draft(app.workspace, *chosen)
            st.session_state[STEP_KEY] = "load"
            st.rerun()


def workshop(desk: Desk) -> None:
    """Draw the steps, the present one, and the table below."""
    problem: MacTunerError | None = None
    try:
        with st.spinner(t("data_page.reading")):
            ready = bool(desk.found().examples)
    except MacTunerError as failure:
        problem, ready = failure, False
    step = draw_steps(desk, ready=ready)
    picked = draw_step(desk, step, problem)
    if problem is not None:
        return
    st.divider()
    if step == "save":
        history_of(desk)
    with errors_are_shown():
        table(desk, step, picked)


def draw_step(desk: Desk, step: str, problem: MacTunerError | None) -> Picked:
    """Draw one step and return which rows the table shall show."""
    if step == "load":
        load_step(desk, problem)
    elif step == "understand":
        return understand_step(desk)
    elif step == "clean":
        clean_step(desk)
    elif step == "protect":
        protect_step(desk)
    elif step == "split":
        return Picked(split_step(desk))
    else:
        save_step(desk)
    return Picked()


def table(desk: Desk, step: str, picked: Picked) -> None:
    """Draw the rows as they stand at a step."""
    found = desk.found()
    chat = found.reading.chat
    if chat is not None and (picked.messages or not found.examples):
        messages_table(chat, picked.rows if picked.messages else None)
        return
    if step == "load":
        rows, stage = found.examples, "load"
    elif step in ("understand", "clean"):
        rows, stage = desk.cleaned().examples, "clean"
    elif picked.rows is not None:
        rows, stage = desk.checked(), "finished"
    else:
        rows, stage = desk.finished(), "finished"
    table_of(rows, picked.rows, stage=stage, all_rows=found.usable if found.usable > WORK_ROWS else 0)


def history_of(desk: Desk) -> None:
    """Draw the saved versions below the step that saves."""
    versions = list(desk.catalog.dataset_versions())
    if versions:
        history(desk.workspace, desk.catalog, versions)
        st.divider()


show("data", main)
