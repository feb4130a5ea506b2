"""Cutting a document into chunks for search: at its structure, between sentences, never inside a table or code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.documents import Document

CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: `number` from 0 in reading order, `headings` the path from the outermost to its own.

    `tokens` counts `embedded_text`; `kind` is that of its blocks, "mixed" when they differ.
    """

    number: int
    text: str
    headings: tuple[str, ...]
    page: int
    last_page: int
    tokens: int
    kind: str


def embedded_text(chunk: Chunk) -> str:
    """Return what the embedding model and the word index get: the path of headings, and the text."""
    return "\n".join([" > ".join(chunk.headings), chunk.text]) if chunk.headings else chunk.text


def chunk(document: Document, count_tokens: CountTokens, config: RagConfig) -> list[Chunk]:
    """Return the chunks of a document; `count_tokens` are the tokens of each text with the embedding model's own marks."""
    raise NotImplementedError
