"""How well a search finds what it should: recall@k, reciprocal rank, nDCG@k, and how sure their means are.

All are made from ranks: where in the list of hits each right source first stands, counted from 1. A source that was not found
has no rank. Sources: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002); Voorhees, "The TREC-8
question answering track report" (1999); Efron, "Bootstrap methods" (1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np

Found = TypeVar("Found")
Source = TypeVar("Source")

SHARE = 0.95
ROUNDS = 2000


@dataclass(frozen=True)
class Measure:
    """A mean over questions, each value 0 to 1; with probability 0.95 the true mean lies between `low` and `high`."""

    mean: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """Return it as JSON-ready data."""
        return asdict(self)


def ranks_of(
    found: Sequence[Found], sources: Sequence[Source], matches: Callable[[Found, Source], bool]
) -> list[int | None]:
    """Return for each source the rank of the first hit that matches it, or None."""
    return [next((rank for rank, one in enumerate(found, start=1) if matches(one, source)), None) for source in sources]


def recall_at(ranks: Sequence[int | None], k: int) -> float:
    """Return the share of the sources that stand among the first `k` hits.

    With one source for a question this is 1 or 0. Raises ValueError when there is no source.
    """
    return len(_within(ranks, k)) / len(ranks)


def reciprocal_rank(ranks: Sequence[int | None], k: int) -> float:
    """Return 1 / rank of the first right hit, or 0 when none stands among the first `k`."""
    return 1 / min(_within(ranks, k), default=math.inf)


def ndcg_at(ranks: Sequence[int | None], k: int) -> float:
    """Return the discounted gain of the first `k` hits over the best that could be, from 0 to 1.

    A source counts 1 / log2(rank + 1); the best order has all sources first. One hit that holds two sources counts for both,
    so the gain is capped at the best.
    """
    gain = sum(1 / math.log2(rank + 1) for rank in _within(ranks, k))
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(ranks), k) + 1))
    return min(1.0, gain / best)


def mean_of(values: Sequence[float]) -> Measure:
    """Return the mean and its 95 % interval by the percentile bootstrap over questions; the same values give the same.

    Raises ValueError when there is no value.
    """
    if not values:
        raise ValueError("no values")
    numbers = np.asarray(values, dtype=np.float64)
    choice = np.random.default_rng(0)
    means = np.concatenate([_means(numbers, choice) for _ in range(ROUNDS // 100)])
    low, high = np.quantile(means, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Measure(*(round(float(value), 4) for value in (numbers.mean(), low, high)))


def difference(one: Sequence[float], other: Sequence[float]) -> Measure:
    """Return the mean of `one` - `other`, question by question, with its 95 % interval: above 0, `one` is truly better.

    Values of the same questions in the same order; raises ValueError when the lengths differ.
    """
    return mean_of([a - b for a, b in zip(one, other, strict=True)])


def _within(ranks: Sequence[int | None], k: int) -> list[int]:
    if not ranks:
        raise ValueError("a question needs a source")
    if k < 1:
        raise ValueError(f"k = {k}, but it counts hits from 1")
    return [rank for rank in ranks if rank is not None and rank <= k]


def _means(
    numbers: np.ndarray[tuple[int], np.dtype[np.float64]], choice: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the means of a hundred samples of the same size, drawn with replacement."""
    means: np.ndarray[tuple[int], np.dtype[np.float64]] = numbers[
        choice.integers(0, len(numbers), (100, len(numbers)))
    ].mean(axis=1)
    return means
