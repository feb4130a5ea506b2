"""What documents hold, before anything is built: a table of all, and the text of one, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes
from mactuner_core.rag.chunking import chunk
from mactuner_core.rag.config import PACKAGED, RagConfig
from mactuner_core.rag.documents import Document, Found, find_documents, read_document
from mactuner_core.rag.embedders import load_embedder
from mactuner_core.rag.known_models import KNOWN
from ui.errors import escaped, sentence_of
from ui.examples import small_table
from ui.language import language, t

READ_AT_MOST = 20  # a preview of more would keep the page waiting; the build reads them all
TABLE_HEIGHT, TEXT_HEIGHT = 320, 360
CACHE = "documents-read"  # in the session: what was read stays until the page is left for good


@dataclass(frozen=True)
class Looked:
    """A document that was looked at: what it holds, or why it cannot be used; neither when it was not read yet."""

    found: Found
    document: Document | None = None
    problem: InputError | None = None


def preview(paths: Sequence[Path], config: RagConfig, key: str) -> int:
    """Draw the preview of the documents under `paths` and return how many of them can be used, as far as is known."""
    found = find_documents(paths)
    looked = [look(one, config) for one in found[:READ_AT_MOST]] + [Looked(one) for one in found[READ_AT_MOST:]]
    if not looked:
        st.warning(t("rag_page.nothing_found"), icon=":material/search_off:")
        return 0
    readable = [one for one in looked if one.document]
    st.markdown(f"**{t('rag_page.preview')}** :gray[{t('rag_page.preview_about', count=len(looked))}]")
    if good := [one for one in looked if not (one.problem or one.found.problem)]:
        small_table([row(one, config) for one in good], height=TABLE_HEIGHT if len(good) > 6 else None)
    if len(found) > READ_AT_MOST:
        st.caption(t("rag_page.preview_limit", count=READ_AT_MOST))
    for one in looked:
        if problem := one.problem or one.found.problem:
            st.error(escaped(sentence_of(problem)), icon=":material/error:")
        elif one.document:
            for warning in one.document.warnings:
                st.warning(escaped(f"{one.found.name}: {warning.text(language())}"), icon=":material/warning:")
    if readable:
        page_text([one.document for one in readable if one.document], key)
    return len(good)


def look(found: Found, config: RagConfig) -> Looked:
    """Return what a document holds, read once a session."""
    if found.problem:
        return Looked(found, problem=found.problem)
    known: dict[tuple[str, str | None, float, bool], Looked] = st.session_state.setdefault(CACHE, {})
    try:
        mark = (str(found.path), found.member, found.path.stat().st_mtime, config.ocr)
    except OSError as problem:
        values = {"name": found.name, "reason": problem.strerror}
        return Looked(found, problem=InputError("rag_documents.unreadable", **values))
    if mark not in known:
        with st.spinner(t("rag_page.reading", name=escaped(found.name))):
            try:
                known[mark] = Looked(found, document=read_document(found, ocr=config.ocr))
            except InputError as problem:
                known[mark] = Looked(found, problem=problem)
        while len(known) > 2 * READ_AT_MOST:
            del known[next(iter(known))]
    return known[mark]


def row(one: Looked, config: RagConfig) -> dict[str, object]:
    """Return a line of the table."""
    document = one.document
    return {
        t("rag_page.column_name"): one.found.name,
        t("rag_page.column_size"): human_bytes(one.found.bytes),
        t("rag_page.column_pages"): f"{len(document.pages):,}" if document else "–",
        t("rag_page.column_characters"): f"{document.characters:,}" if document else "–",
        t("rag_page.column_language"): language_name(document.language) if document else "–",
        t("rag_page.column_chunks"): f"≈ {expected_chunks(document, config):,}" if document else "–",
        t("rag_page.column_warnings"): len(document.warnings) if document else "–",
    }


def language_name(code: str) -> str:
    """Return the name of a language that pages speak, else its code."""
    return t(f"ui.language_{code}") if code in ("ko", "en") else code or "–"


def expected_chunks(document: Document, config: RagConfig) -> int:
    """Return about how many chunks a document gives: with the tokens of the model where it is packaged, else of one that is."""
    key = f"documents-chunks-{document.sha256}-{config.fingerprint}"
    if key not in st.session_state:
        known = next((one for one in KNOWN if one.name == config.embedding_model), None)
        longest = known.longest if known else config.chunk_tokens
        limited = config.model_copy(update={"chunk_tokens": min(config.chunk_tokens, longest)})
        embedder = load_embedder(config.embedding_model if known and known.packaged else PACKAGED)
        st.session_state[key] = len(chunk(document, lambda texts: embedder.lengths(texts, "passage"), limited))
    return int(st.session_state[key])


def page_text(documents: Sequence[Document], key: str) -> None:
    """Draw the text of one page of one document, as it was read."""
    left, right = st.columns([3, 1])
    names = [document.name for document in documents]
    place = left.selectbox(
        t("rag_page.preview_document"), range(len(names)), format_func=names.__getitem__,
        key=f"{key}-preview-{len(names)}", help=t("rag_page.preview_document_help"),
    )  # fmt: skip
    document = documents[place]
    number = right.number_input(
        t("rag_page.preview_page", pages=len(document.pages)), 1, max(1, len(document.pages)), 1,
        key=f"{key}-preview-page-{document.sha256[:12]}", help=t("rag_page.preview_page_help"),
    )  # fmt: skip
    page = document.pages[number - 1]
    if page.scanned:
        st.caption(t("rag_page.page_ocr") if page.ocr else t("rag_page.page_scanned"))
    with st.container(border=True, height=TEXT_HEIGHT, key=f"{key}-preview-text"):
        st.text(page.text or t("rag_page.page_without_text"))
