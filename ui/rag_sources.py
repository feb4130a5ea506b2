"""The sources of an answer as cards: those it cites with the quote marked, the others folded."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mactuner_core.rag.collection import Collection
from ui.language import t
from ui.rag_passages import Passage, passage_card


def source_cards(collection: Collection, message: dict[str, Any], key: str) -> None:
    """Draw the sources of an answer under their numbers; those it cites stand open, with the quote to look up."""
    quotes = {one["number"]: one for one in message["citations"]}
    sources = sorted(message["sources"], key=lambda source: source["number"] not in quotes)
    cited = [source for source in sources if source["number"] in quotes]
    if sources and not cited:
        st.caption(f":material/info: {t('rag_page.cites_nothing')}")
    for source in cited:
        passage_card(
            collection, source["number"], passage_of(source, quotes[source["number"]]), f"{key}-{source['number']}",
            badge=t("rag_page.cited"),
        )  # fmt: skip
    if len(sources) > len(cited):
        with st.expander(t("rag_page.other_sources", count=len(sources) - len(cited)), icon=":material/library_books:"):
            for source in sources[len(cited) :]:
                passage_card(collection, source["number"], passage_of(source, None), f"{key}-{source['number']}")


def passage_of(source: dict[str, Any], citation: dict[str, Any] | None) -> Passage:
    """Return a source as a passage to show: with a citation, the quote is marked and its page opens."""
    page = citation["page"] if citation else source["page"]
    span = ((citation["quote_start"], citation["quote_end"]),) if citation else ()
    return Passage(
        source["document"], source["document_id"], page, page if citation else source["last_page"], source["text"],
        source["score"], tuple(source["headings"]), span, citation["quote"] if citation else "",
    )  # fmt: skip
