"""Which collection of documents to look at, what it holds, and its removal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from mactuner_core.format import human_bytes
from mactuner_core.rag.collections import remove_collection
from ui.errors import errors_are_shown, escaped
from ui.language import language, t
from ui.moments import ago_seconds
from ui.navigation import go
from ui.page import App

PARAM = "collection"  # in the address: a reload looks at the same one
NEW = ""  # stands for a collection that is yet to be made; no name is empty


def choose_collection(names: Sequence[str]) -> str | None:
    """Draw the choice between the collections and a new one; return the chosen one's name, None for a new one."""
    if not names:
        return None
    wanted = st.query_params.get(PARAM, names[0])
    shown = wanted if wanted in (*names, NEW) else names[0]
    texts = {**{name: name for name in names}, NEW: t("rag_page.new_collection")}
    options = {text: name for name, text in texts.items()}  # no name of a collection can hold the text for a new one
    picked = st.selectbox(
        t("rag_page.collection"), list(options), index=list(texts).index(shown),
        key=f"documents-collection-{shown}-{len(names)}-{language()}", help=t("rag_page.collection_help"),
    )  # fmt: skip
    chosen = options[picked]
    if chosen != shown:
        go("documents", **{PARAM: chosen})
    return chosen or None


def facts_line(facts: Mapping[str, Any]) -> None:
    """Draw how much a collection holds and with which model it was made."""
    columns = st.columns([1, 1, 1, 2])
    columns[0].metric(t("rag_page.fact_documents"), f"{facts['documents']:,}", help=t("rag_page.fact_documents_help"))
    columns[1].metric(t("rag_page.fact_chunks"), f"{facts['chunks']:,}", help=t("rag_page.fact_chunks_help"))
    columns[2].metric(
        t("rag_page.fact_size"), human_bytes(facts["bytes"]), help=t("ui.exact_bytes", n=f"{facts['bytes']:,}")
    )
    settings = facts["settings"]
    columns[3].metric(
        t("rag_page.fact_model"), settings["embedding_model"].rsplit("/", 1)[-1], help=escaped(settings["embedding_model"])
    )  # fmt: skip
    said = {"tokens": settings["chunk_tokens"], "overlap": settings["overlap_percent"]}
    st.caption(t("rag_page.fact_settings", **said, updated=ago_seconds(facts["updated_at"])))
    for warning in facts["warnings"]:
        st.caption(f":material/info: {escaped(warning_text(warning))}")


def warning_text(warning: Mapping[str, Any]) -> str:
    """Return the sentence of a kept warning."""
    return t(warning["code"], **warning["values"])


def remove_collection_button(app: App, name: str, *, busy: bool) -> None:
    """Draw the removal of a whole collection; it asks first and says what goes with it."""
    with st.popover(
        t("rag_page.remove_collection"), icon=":material/delete_forever:", disabled=busy,
        help=t("rag_page.remove_collection_help"),
    ):  # fmt: skip
        st.markdown(t("rag_page.remove_collection_question", name=escaped(name)))
        if st.button(t("rag_page.remove_yes"), type="primary", key=f"documents-remove-all-{name}"):
            gone = False
            with errors_are_shown():
                remove_collection(app.workspace, name)
                gone = True
            if gone:
                go("documents")
