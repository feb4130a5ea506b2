"""Documents: make a collection of one's own documents, look into it, search it, ask a model about it and measure it."""

from __future__ import annotations

import streamlit as st

from mactuner_core.errors import WorkError
from mactuner_core.jobs import JobStatus
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import list_collections, open_collection
from ui.errors import errors_are_shown
from ui.job_card import job_card, jobs_of, live
from ui.language import labels, t
from ui.page import App, header, show
from ui.rag_build import build_area, outcome
from ui.rag_chat import answering, answers_or_ended, chat_area, starting_servers
from ui.rag_choice import choose_collection, facts_line, remove_collection_button
from ui.rag_damaged import damaged_area
from ui.rag_documents import documents_area
from ui.rag_measure import measure_area
from ui.rag_search import search_area
from ui.rag_transfer import import_area

AREAS = ("search", "chat", "documents", "measure", "add")


def main(app: App) -> None:
    """Draw the page."""
    names = list_collections(app.workspace)
    header(
        "documents", t("rag_page.sentence"), t("rag_page.chip", count=len(names)) if names else t("rag_page.chip_none"),
        "green" if names else "gray",
    )  # fmt: skip
    name = choose_collection(names)
    building = jobs_of(app.workspace, "rag_index")
    waiting = [*building, *starting_servers(app, name)]
    if waiting:
        live(app.workspace, [job.id for job in waiting], draw_jobs, over=answers_or_ended)
    if name is None:
        if not names:
            st.info(t("rag_page.empty"), icon=":material/library_books:")
        build_area(app, None)
        import_area(app)
        return
    busy = any(job.title == name and not job.ended for job in building)
    try:
        with open_collection(app.workspace, name) as collection:
            existing(app, collection, busy=busy)
    except WorkError as problem:
        damaged_area(app, name, problem, busy=busy)


def existing(app: App, collection: Collection, *, busy: bool) -> None:
    """Draw a collection: its figures, then what can be done with it."""
    facts = collection.facts()
    facts_line(facts)
    outcome(app, collection.name)
    if not facts["documents"]:
        if not busy:
            st.info(t("rag_page.no_documents"), icon=":material/arrow_downward:")
        build_area(app, collection)
        remove_collection_button(app, collection.name, busy=busy)
        return
    names = answering(app, collection.name)
    texts = labels("rag_page.area_", AREAS)
    draw = {
        "search": lambda: search_area(collection, facts),
        "chat": lambda: chat_area(app, collection, names),
        "documents": lambda: documents_area(app, collection, facts, busy=busy),
        "measure": lambda: measure_area(app, collection, facts, names),
        "add": lambda: build_area(app, collection),
    }
    for area, tab in zip(AREAS, st.tabs(list(texts.values()), key="documents-areas"), strict=True):
        with tab, errors_are_shown():
            draw[area]()


def draw_jobs(found: list[JobStatus]) -> None:
    """Draw the builds, and servers while they load."""
    for job in found:
        job_card(job)


show("documents", main)
