"""A collection that cannot be opened: why, and the ways out."""

from __future__ import annotations

import streamlit as st

from mactuner_core.errors import WorkError
from mactuner_core.rag.build import IndexRequest
from ui.errors import show_error
from ui.language import t
from ui.page import App
from ui.rag_build import build
from ui.rag_choice import remove_collection_button


def damaged_area(app: App, name: str, problem: WorkError, *, busy: bool) -> None:
    """Draw the reason; where its files are damaged, the new index from the documents it keeps."""
    if busy:
        return  # it is being made anew
    show_error(problem)
    with st.container(horizontal=True):
        if problem.code == "rag.damaged" and st.button(
            t("rag_page.repair"), type="primary", icon=":material/build:", key=f"documents-repair-{name}",
            help=t("rag_page.repair_help"),
        ):  # fmt: skip
            build(app, IndexRequest(name, rebuild=True), new=False)
        remove_collection_button(app, name, busy=busy)
