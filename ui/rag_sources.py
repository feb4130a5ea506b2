"""Under an answer: what its check found, and its sources as cards, those it cites with the quote marked, the others folded."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mactuner_core.rag.answer_checks import AnswerCheck
from mactuner_core.rag.answer_findings import findings_of
from mactuner_core.rag.collection import Collection
from ui.errors import escaped
from ui.language import language, t
from ui.rag_passages import Passage, passage_card


def check_line(check: AnswerCheck) -> None:
    """Say in one quiet line what an answer cites and quotes, or what is wrong with it."""
    icon = ":material/check:" if check.passed else ":material/info:"
    st.caption(f"{icon} {escaped(' · '.join(found.text(language()) for found in findings_of(check)))}")


def source_cards(collection: Collection, message: dict[str, Any], key: str) -> None:
    """Draw the sources of an answer under their numbers; those it cites stand open, with the quote to look up."""
    quotes = {one["number"]: one for one in message["citations"]}
    sources = sorted(message["sources"], key=lambda source: source["number"] not in quotes)
    cited = [source for source in sources if source["number"] in quotes]
    for source in cited:
        passage_card(
            collection, source["number"], passage_of(source, quotes[source["number"]]), f"{key}-{source['number']}",
            badge=t("rag_page.cited"),
        )  # fmt: skip
    if others := sources[len(cited) :]:
        label = t("rag_page.other_sources" if cited else "rag_page.given_sources", count=len(others))
        with st.expander(label, icon=":material/library_books:"):
            for source in others:
                passage_card(collection, source["number"], passage_of(source, None), f"{key}-{source['number']}")


def passage_of(source: dict[str, Any], citation: dict[str, Any] | None) -> Passage:
    """Return a source as a passage to show: with a citation, the quote is marked and its page opens."""
    page = citation["page"] if citation else source["page"]
    span = ((citation["quote_start"], citation["quote_end"]),) if citation else ()
    return Passage(
        source["document"], source["document_id"], page, page if citation else source["last_page"], source["text"],
        source["score"], tuple(source["headings"]), span, citation["quote"] if citation else "",
    )  # fmt: skip
