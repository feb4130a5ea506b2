"""The `rag` field of a request: which collection to search, and how. What is left out is as in `SearchConfig`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mactuner_core.rag.config import SearchConfig
from mactuner_core.rag.hits import Filters
from serving.api.fields import WHOLE, Body, Int, Many, Number, Text

_DATE = r"^\d{4}-\d{2}-\d{2}$"
_Names = Text | Annotated[Many[Text], Field(max_length=100)]
_Page = Annotated[Int, Field(ge=1), WHOLE]
_Day = Annotated[str, StringConstraints(strict=True, pattern=_DATE)]


class PageRange(Body):
    """Pages from one to another, both included and counted from 1."""

    first: _Page | None = None
    last: _Page | None = None


class RagFilters(Body):
    """What passages must fit: all that is given. Of several documents or tags one is enough; dates are the document's."""

    document: _Names | None = None
    page: _Page | PageRange | None = None
    tag: _Names | None = None
    after: _Day | None = None
    before: _Day | None = None

    def plain(self) -> Filters:
        """Return it as the search takes it."""
        page = PageRange(first=self.page, last=self.page) if isinstance(self.page, int) else self.page or PageRange()
        return Filters(
            documents=_listed(self.document),
            first_page=page.first,
            last_page=page.last,
            after=self.after,
            before=self.before,
            tags=_listed(self.tag),
        )


class RagField(Body):
    """The collection to answer from (may be left out when the model's name says it), and how it is searched.

    `rewrite` is how a follow-up question becomes searchable: "auto" adds words of the questions before, "model" asks the model
    to write it anew, "none" searches for it as it is.
    """

    collection: Text | None = None
    top_k: Annotated[Int, Field(ge=1, le=20), WHOLE] | None = None
    min_score: Number | None = Field(None, ge=0, le=1)
    method: Literal["hybrid", "dense", "lexical"] | None = None
    window: Annotated[Int, Field(ge=0, le=3), WHOLE] | None = None
    filters: RagFilters | None = None
    rewrite: Literal["auto", "model", "none"] | None = None

    def search_config(self) -> SearchConfig:
        """Return how to search."""
        given = self.model_dump(include={"top_k", "min_score", "method", "window"}, exclude_none=True)
        return SearchConfig.check(given)


def _listed(value: str | list[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
