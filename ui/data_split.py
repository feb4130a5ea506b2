"""Step 5, Split: training and validation rows, and the rows held against the rules of a file."""

from __future__ import annotations

import streamlit as st

from mactuner_core.data.splitting import SplitRecipe
from ui.data_overlap import draw_overlap
from ui.data_parts import next_button, scope_note
from ui.data_rules import rules_box
from ui.data_work import Desk
from ui.errors import errors_are_shown
from ui.forms import settings_form
from ui.language import t
from ui.page import main_and_settings


def split_step(desk: Desk) -> list[int] | None:
    """Draw the step, and return which of the checked rows to show, None for all."""
    left, right = main_and_settings()
    with right:
        st.subheader(t("data_page.settings"), anchor=False)
        with errors_are_shown():
            settings(desk)
        next_button("save")
    rows: list[int] | None = None
    with left:
        with errors_are_shown(), st.spinner(t("data_page.splitting")):
            figures(desk)
            parts = desk.parts()
            draw_overlap(desk.overlap(), [*parts.train, *parts.validation], desk.draft.key("chart-overlap"))
        with st.container(border=True, key="rules"), errors_are_shown():
            rows = rules_box(desk)
    return rows


def settings(desk: Desk) -> None:
    """Draw how the rows are divided, and keep it."""
    present = desk.settled().split
    leave_out = () if present.method == "stratified" else ("stratify_by",)
    form = settings_form(SplitRecipe, desk.draft.key("split"), values=present.model_dump(), leave_out=leave_out)
    checked = form.check(SplitRecipe)
    if checked is not None:
        desk.change_recipe(split=checked)


def figures(desk: Desk) -> None:
    """Draw the rows of both sides, and how many stand where they do because of a near duplicate."""
    parts = desk.parts()
    rows = len(parts.train) + len(parts.validation)
    columns = st.columns(3)
    columns[0].metric(t("data_page.train"), f"{len(parts.train):,}", help=f"{len(parts.train) / rows:.1%}")
    columns[1].metric(
        t("data_page.validation"), f"{len(parts.validation):,}", help=f"{len(parts.validation) / rows:.1%}"
    )
    columns[2].metric(t("data_page.moved"), f"{parts.moved:,}", help=t("data_page.moved_help"))
    st.progress(len(parts.train) / rows)
    scope_note(desk)
