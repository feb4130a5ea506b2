"""Sources and citations as clients get them: OpenAI's annotations with fields of ours, and the list of sources.

Chat completions have `url_citation`, the only kind that OpenAI's own types know there; responses have `file_citation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel

from mactuner_core.rag.answer import Citation, Source


class UrlCitation(BaseModel):
    """Where the cite stands in the content, and what it cites."""

    start_index: int
    end_index: int
    title: str
    url: str


class Cited(BaseModel):
    """What is cited: `quote` stands in the text of the source `number`, from `quote_start` to `quote_end`."""

    number: int
    document: str
    document_id: str
    page: int
    chunk_id: str
    score: float
    quote: str
    quote_start: int
    quote_end: int


class ChatAnnotation(Cited):
    """A citation in a chat completion."""

    type: Literal["url_citation"]
    url_citation: UrlCitation


class ResponseAnnotation(Cited):
    """A citation in a response; `index` is where its mark begins in the text."""

    type: Literal["file_citation"]
    file_id: str
    filename: str
    index: int
    start_index: int
    end_index: int


class SourceChunk(BaseModel):
    """A chunk of a source: its place in the source's text, and its score when it was found itself."""

    chunk_id: str
    page: int
    last_page: int
    start: int
    end: int
    score: float | None


class SourceShown(BaseModel):
    """A source as the model got it, under the number by which it is cited."""

    number: int
    document: str
    document_id: str
    page: int
    last_page: int
    chunk_id: str
    score: float
    headings: list[str]
    text: str
    chunks: list[SourceChunk]


class RagReport(BaseModel):
    """How it was searched: `left_out` are chunks without room, `unknown_citations` numbers that no source has."""

    collection: str
    query: str
    left_out: list[str]
    unknown_citations: list[int]


def chat_annotation(citation: Citation, collection: str) -> dict[str, Any]:
    """Return a citation as an annotation of a chat message."""
    place = {"start_index": citation.start, "end_index": citation.end}
    named = {"title": citation.document, "url": _address(citation, collection)}
    return {"type": "url_citation", "url_citation": {**place, **named}, **_cited(citation)}


def response_annotation(citation: Citation) -> dict[str, Any]:
    """Return a citation as an annotation of a response's text."""
    file = {"file_id": citation.document_id, "filename": citation.document, "index": citation.start}
    place = {"start_index": citation.start, "end_index": citation.end}
    return {"type": "file_citation", **file, **place, **_cited(citation)}


def shown(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Return the sources for the reply."""
    return [_shown(source) for source in sources]


def _shown(source: Source) -> dict[str, Any]:
    plain = source.as_dict()
    parts = plain.pop("parts")
    for place in (plain, *parts):
        place["score"] = None if place["score"] is None else _rounded(place["score"])
    return {**plain, "headings": list(source.headings), "chunks": list(parts)}


def _cited(citation: Citation) -> dict[str, Any]:
    plain = citation.as_dict()
    del plain["start"], plain["end"]
    return {**plain, "score": _rounded(citation.score)}


def _address(citation: Citation, collection: str) -> str:
    """Return an address that names the passage; nothing outside this server can open it."""
    return f"mactuner:{quote(collection)}/{quote(citation.document, safe='')}#page={citation.page}"


def _rounded(score: float) -> float:
    return round(float(score), 4)
