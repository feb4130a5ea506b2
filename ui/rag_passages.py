"""Passages of documents: a card with the words of the question marked, and the page they stand on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from mactuner_core.rag.collection import Collection
from mactuner_core.rag.documents import page_picture
from mactuner_core.rag.excerpt import excerpt
from ui.errors import errors_are_shown, escaped
from ui.language import t

SHOWN_CHARACTERS = 600
MOST_PAGES = 3  # of a passage that runs over many


@dataclass(frozen=True)
class Passage:
    """A passage to show: where it stands, its text, which places (start, end) of it to mark, and what to mark on its page."""

    document: str
    document_id: str
    page: int
    last_page: int
    text: str
    score: float | None
    headings: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    quote: str = ""

    @property
    def pages(self) -> str:
        """The page, or the first and the last one."""
        return str(self.page) if self.page == self.last_page else f"{self.page}–{self.last_page}"


def passage_card(collection: Collection, number: int, passage: Passage, key: str, *, badge: str = "") -> None:
    """Draw a numbered passage with the button that opens its page."""
    with st.container(border=True, key=f"{key}-card"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{number}. {escaped(passage.document)}**", width="content")
            st.caption(t("rag_page.page", page=passage.pages), width="content")
            if passage.score is not None:
                st.badge(t("rag_page.score", score=f"{passage.score:.2f}"), color="blue")
            if badge:
                st.badge(badge, color="green")
        if passage.headings:
            st.caption(escaped(" › ".join(passage.headings)))
        st.markdown(marked(*excerpt(passage.text, passage.spans, SHOWN_CHARACTERS)))
        if st.button(
            t("rag_page.open_page"), key=f"{key}-open", icon=":material/visibility:", type="tertiary",
            help=t("rag_page.open_page_help"),
        ):  # fmt: skip
            title = t("rag_page.page_of", document=passage.document, page=passage.pages)
            st.dialog(title, width="large", icon=":material/description:")(lambda: page_view(collection, passage))()


def marked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return a text as Markdown with the places in `spans` marked; everything else shows as it is."""
    parts, at = [], 0
    for start, end in sorted(spans):
        if start < at or end > len(text):
            continue
        word = escaped(text[start:end]).strip()
        parts += [escaped(text[at:start]), f":orange-background[{word}]" if word else ""]
        at = end
    parts.append(escaped(text[at:]))
    return "".join(parts)


def page_view(collection: Collection, passage: Passage) -> None:
    """Draw the pages of a passage: as pictures where the document is a PDF, else as text, with the passage marked."""
    with errors_are_shown():
        wanted = passage.quote or passage.text
        file = collection.document_file(passage.document_id)
        stored = collection.document(passage.document_id)
        for number in range(passage.page, min(passage.last_page, passage.page + MOST_PAGES - 1) + 1):
            if file and stored.kind == "pdf":
                st.image(page_picture(file, number, [wanted], name=stored.name), width="stretch")
            else:
                text = collection.content(stored.id).pages[number - 1].text
                st.markdown(marked_text(text, wanted))


def marked_text(text: str, passage: str) -> str:
    """Return a page's text as Markdown with each line of a passage marked where it stands in it."""
    lines = sorted({line.strip() for line in passage.splitlines() if len(line.strip()) > 1}, key=len, reverse=True)
    spans = [
        (found.start(), found.end())
        for line in lines
        if (found := re.search(r"\s+".join(map(re.escape, line.split())), text))
    ]
    return marked(text, spans)
