"""Measuring a search: questions whose right sources are known are asked, and where the sources stand in the hits is counted.

The search is any function from a question to hits in order, so that the same code measures a collection, one part of it, or
another program. What counts as right is `matches(hit, source)`: equal ids, or `hit_matches` for sources named in a file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from mactuner_core.rag.measures import Measure, mean_of, ndcg_at, ranks_of, recall_at, reciprocal_rank

Found = TypeVar("Found")
Source = TypeVar("Source")

KS = (1, 3, 5, 10)


@dataclass(frozen=True)
class Question(Generic[Source]):
    """A question, the sources that answer it (at least one), and its kind, by which results are shown apart."""

    question: str
    sources: tuple[Source, ...]
    kind: str = ""


@dataclass(frozen=True)
class Asked(Generic[Source]):
    """One question as it was asked: the rank of each source or None, and the seconds that the search took."""

    question: Question[Source]
    ranks: list[int | None]
    seconds: float


@dataclass(frozen=True)
class Report(Generic[Source]):
    """All questions as they were asked; the measures are made from them."""

    asked: list[Asked[Source]]
    ks: tuple[int, ...] = field(default=KS)

    @property
    def kinds(self) -> list[str]:
        """The kinds of questions, in the order of their first one; none when no question says its kind."""
        return list(dict.fromkeys(one.question.kind for one in self.asked if one.question.kind))

    def values(self, name: str, kind: str | None = None) -> list[float]:
        """Return the values of a measure such as "recall@5", "mrr" or "ndcg@10", one a question, for one kind or all."""
        measure, _, cut = name.partition("@")
        k = int(cut or max(self.ks))
        count = {"recall": recall_at, "mrr": reciprocal_rank, "ndcg": ndcg_at}[measure]
        return [count(one.ranks, k) for one in self.asked if kind in (None, one.question.kind)]

    def measure(self, name: str, kind: str | None = None) -> Measure:
        """Return the mean of a measure with its interval."""
        return mean_of(self.values(name, kind))

    @property
    def missed(self) -> list[Question[Source]]:
        """The questions with a source that is not among the hits looked at."""
        return [one.question for one in self.asked if recall_at(one.ranks, max(self.ks)) < 1]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready data: the measures in all and by kind, times, and what was missed."""
        seconds = sorted(one.seconds for one in self.asked)
        return {
            "questions": len(self.asked),
            "ks": list(self.ks),
            "all": self._measures(None),
            "kinds": {kind: self._measures(kind) for kind in self.kinds},
            "search_ms": {
                "median": round(1000 * seconds[len(seconds) // 2], 2),
                "p95": round(1000 * seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))], 2),
            },
            "missed": [question.question for question in self.missed],
        }

    def _measures(self, kind: str | None) -> dict[str, Any]:
        names = [f"recall@{k}" for k in self.ks] + ["mrr"] + [f"ndcg@{k}" for k in self.ks if k > 1]
        measures = {name: self.measure(name, kind).as_dict() for name in names}
        return {"questions": len(self.values("mrr", kind)), **measures}


def same(found: Any, source: Any) -> bool:
    """Tell whether a hit is the source: what `evaluate` asks when hits and sources are ids."""
    return bool(found == source)


def evaluate(
    search: Callable[[str], Sequence[Found]],
    questions: Sequence[Question[Source]],
    ks: Sequence[int] = KS,
    *,
    matches: Callable[[Found, Source], bool] = same,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report[Source]:
    """Ask every question and return the report; `search` should return at least max(`ks`) hits, the best first.

    Raises ValueError when there is no question, a question without a source, or a k below 1.
    """
    if not questions or not ks or min(ks) < 1:
        raise ValueError("needs a question, and every k counts hits from 1")
    asked = []
    for number, question in enumerate(questions, start=1):
        start = time.perf_counter()
        found = search(question.question)
        seconds = time.perf_counter() - start
        asked.append(Asked(question, ranks_of(found[: max(ks)], question.sources, matches), seconds))
        on_progress(number, len(questions))
    return Report(asked, tuple(sorted(set(ks))))
