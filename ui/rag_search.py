"""Searching a collection: the question, how to search, and the passages found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from mactuner_core.rag.collection import Collection
from mactuner_core.rag.config import SearchConfig
from mactuner_core.rag.hits import Filters, Hit
from ui.errors import errors_are_shown, escaped
from ui.forms import settings_form
from ui.language import t
from ui.page import main_and_settings
from ui.rag_filters import ask_filters
from ui.rag_passages import Passage, passage_card

FOUND = "documents-found"  # in the session: a click on a passage does not search again


def search_area(collection: Collection, facts: Mapping[str, Any]) -> None:
    """Draw the search."""
    left, right = main_and_settings()
    suggested = facts["suggested_min_score"]
    key = f"documents-search-{collection.name}-{suggested}"
    with right:
        values = {"min_score": suggested} if suggested is not None else {}
        form = settings_form(SearchConfig, key, values=values, leave_out=("window",))
        filters = ask_filters(collection.documents(), key)
        st.caption(t("rag_page.score_meaning"))
        if suggested is not None:
            st.caption(f":material/lightbulb: {t('rag_page.score_suggested', score=f'{suggested:.2f}')}")
        config = form.check(SearchConfig)
    with left:
        query = st.text_input(
            t("rag_page.question"), key=f"{key}-query", placeholder=t("rag_page.question_example"),
            icon=":material/search:", help=t("rag_page.question_help"),
        ).strip()  # fmt: skip
        if not query or config is None:
            st.caption(t("rag_page.search_about"))
            return
        with errors_are_shown():
            draw_hits(collection, query, config, filters, facts["updated_at"])


def draw_hits(collection: Collection, query: str, config: SearchConfig, filters: Filters, updated_at: float) -> None:
    """Draw the passages found, or that there are none."""
    hits = search(collection, query, config, filters, updated_at)
    if not hits:
        sentence = t("rag_page.no_hits", score=f"{config.min_score:.2f}")
        more = "" if filters.empty else f" {t('rag_page.no_hits_filtered')}"
        st.info(sentence + more, icon=":material/search_off:")
        return
    st.caption(t("rag_page.hits", count=len(hits), query=escaped(query)))
    for number, hit in enumerate(hits, start=1):
        passage_card(collection, number, passage_of(hit), f"documents-hit-{number}")


def search(collection: Collection, query: str, config: SearchConfig, filters: Filters, updated_at: float) -> list[Hit]:
    """Return the hits, searched once for the same question, settings and state of the collection."""
    mark = (collection.name, updated_at, query, config.model_dump_json(), filters)
    kept = st.session_state.get(FOUND)
    if kept is None or kept[0] != mark:
        with st.spinner(t("rag_page.searching")):
            kept = st.session_state[FOUND] = (mark, collection.search(query, config, filters))
    hits: list[Hit] = kept[1]
    return hits


def passage_of(hit: Hit) -> Passage:
    """Return a hit as a passage to show."""
    return Passage(
        hit.document, hit.document_id, hit.page, hit.last_page, hit.text, hit.score, hit.headings, tuple(hit.spans)
    )  # fmt: skip
