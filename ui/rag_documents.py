"""The documents of a collection: a list, what each one warned about, the removal of one or of all, and a copy as one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from mactuner_core.format import human_bytes
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.hits import StoredDocument
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.language import t
from ui.page import App
from ui.rag_choice import remove_collection_button, warning_text
from ui.rag_preview import language_name
from ui.rag_transfer import export_button

TABLE_HEIGHT = 420
LONG = 10  # rows


def documents_area(app: App, collection: Collection, facts: Mapping[str, Any], *, busy: bool) -> None:
    """Draw the list and the removals."""
    documents = collection.documents()
    tagged = any(one.tags for one in documents)
    small_table([row(one, tagged=tagged) for one in documents], height=TABLE_HEIGHT if len(documents) > LONG else None)
    for one in documents:
        for warning in one.warnings:
            st.caption(f":material/warning: {escaped(f'{one.name}: {warning_text(warning)}')}")
    by_id = {one.id: one for one in documents}
    chosen = st.selectbox(
        t("rag_page.document"), list(by_id), format_func=lambda one: by_id[one].name,
        key=f"documents-chosen-{collection.name}-{len(by_id)}", help=t("rag_page.document_help"),
    )  # fmt: skip
    with st.container(horizontal=True):
        remove_document_button(collection, by_id[chosen], busy=busy)
        remove_collection_button(app, collection.name, busy=busy)
        export_button(app, collection, facts, busy=busy)
    if busy:
        st.caption(t("rag_page.busy"))


def row(one: StoredDocument, *, tagged: bool) -> dict[str, object]:
    """Return a line of the list; tags only where there are any."""
    tags: dict[str, object] = {t("rag_page.column_tags"): ", ".join(one.tags) or "–"} if tagged else {}
    return {
        t("rag_page.column_name"): one.name,
        t("rag_page.column_size"): human_bytes(one.bytes),
        t("rag_page.column_pages"): f"{one.pages:,}",
        t("rag_page.column_characters"): f"{one.characters:,}",
        t("rag_page.column_language"): language_name(one.language),
        t("rag_page.column_chunks"): f"{one.chunks:,}",
        t("rag_page.column_date"): one.date,
    } | tags


def remove_document_button(collection: Collection, document: StoredDocument, *, busy: bool) -> None:
    """Draw the removal of one document; it asks first."""
    with st.popover(
        t("rag_page.remove_document"), icon=":material/delete:", disabled=busy, help=t("rag_page.remove_document_help")
    ):
        st.markdown(t("rag_page.remove_document_question", name=escaped(document.name), chunks=document.chunks))
        if st.button(t("rag_page.remove_yes"), type="primary", key=f"documents-remove-{document.id}"):
            gone = False
            with errors_are_shown():
                collection.delete(document.id)
                gone = True
            if gone:
                st.rerun()
