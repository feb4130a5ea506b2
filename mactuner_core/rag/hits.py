"""What a search gives, and what it can be narrowed to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Hit:
    """A chunk that was found.

    `score` is from 0 to 1. `dense` is the cosine of the vectors mapped so that 0 is the mean of unrelated texts of this collection
    and 1 the same text, less where the model understands little of these texts; `lexical` is the share of the question's words
    that the chunk has, each weighed by its rarity. `score` is that of the method; of both it is 1 - (1 - dense) (1 - lexical).
    After re-ranking it is the re-ranker's probability. `page` to `last_page` count from 1; `spans` are places (start, end) of the
    question's words in `text`;
    `also_in` names other documents with the very same text.
    """

    chunk_id: str
    document: str
    document_id: str
    page: int
    last_page: int
    text: str
    headings: tuple[str, ...]
    score: float
    dense: float | None = None
    lexical: float | None = None
    spans: list[tuple[int, int]] = field(default_factory=list)
    number: int = 0  # of the chunk in its document, from 0
    tokens: int = 0
    kind: str = "paragraph"
    also_in: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data, with `source` as another name of the document."""
        return {**asdict(self), "source": self.document}


@dataclass(frozen=True)
class Filters:
    """What hits must fit: all that is given must hold. Several documents or tags: one of them is enough.

    `documents` are names or ids; pages count from 1, dates are "YYYY-MM-DD" of the document, both ends included.
    """

    documents: tuple[str, ...] = ()
    first_page: int | None = None
    last_page: int | None = None
    after: str | None = None
    before: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether everything passes."""
        return self == Filters()


@dataclass(frozen=True)
class StoredDocument:
    """A document of a collection as lists show it; `date` is "YYYY-MM-DD" (the file's own, else the day it was added)."""

    id: str
    name: str
    sha256: str
    bytes: int
    kind: str
    title: str
    language: str
    pages: int
    characters: int
    chunks: int
    date: str
    tags: tuple[str, ...]
    added_at: float
    warnings: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)
