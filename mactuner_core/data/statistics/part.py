"""What the figures are kept in: numbers for people, and arrays that lead from each number back to its rows.

Rows are numbered from 0, the training rows first, then the validation rows. The rows behind a figure are found in one of
two ways: a value for each row (a histogram's rows are those whose value lies in the bin), or a list of rows for each of
several names ("groups": columns, words, duplicates).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PERCENTILES = (5, 25, 50, 75, 90, 95, 99)
MOST_BINS = 30


@dataclass(frozen=True)
class Part:
    """One kind of figures: `figures` is JSON-ready, `arrays` are one-dimensional."""

    figures: dict[str, Any]
    arrays: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Statistics:
    """All figures about a dataset, by part: "rows" always, "tokens" and "words" when they were asked for.

    "near_duplicates" and "rules" are put in by whoever found them.
    """

    parts: dict[str, Part]

    @property
    def rows(self) -> dict[str, Any]:
        """The figures that every dataset has."""
        return self.parts["rows"].figures

    def figures(self, part: str) -> dict[str, Any] | None:
        """Return the figures of `part`, or None when they were not counted."""
        found = self.parts.get(part)
        return found.figures if found else None

    def with_part(self, name: str, part: Part) -> Statistics:
        """Return the statistics with one more part."""
        return replace(self, parts={**self.parts, name: part})

    def as_dict(self) -> dict[str, Any]:
        """Return all figures as JSON-ready data; the arrays stay here."""
        return {name: part.figures for name, part in self.parts.items()}


def lengths(values: Array) -> dict[str, Any]:
    """Return total, mean, smallest, largest, percentiles (values that occur) and histogram of whole numbers."""
    if not len(values):
        return {"total": 0, "mean": None, "min": None, "max": None, "percentiles": {}, "histogram": histogram(values)}
    found = np.percentile(values, PERCENTILES, method="inverted_cdf")
    return {
        "total": int(values.sum(dtype=np.int64)),
        "mean": round(float(values.mean()), 2),
        "min": int(values.min()),
        "max": int(values.max()),
        "percentiles": {str(share): int(value) for share, value in zip(PERCENTILES, found, strict=True)},
        "histogram": histogram(values),
    }


def histogram(values: Array) -> dict[str, Any]:
    """Return the bins of whole numbers: bin i counts `edges[i] <= value < edges[i + 1]`.

    The bins are equally wide up to the 99th percentile; when much longer values follow, the last one takes them all
    ("open_end").
    """
    if not len(values):
        return {"edges": [], "counts": [], "open_end": False}
    low, high = int(values.min()), int(values.max())
    usual = int(np.percentile(values, 99, method="inverted_cdf"))
    if high - low <= 1.5 * (usual - low) or high - low < MOST_BINS:
        usual = high
    width = _round_width((usual - low + 1) / MOST_BINS)
    edges = list(range(low - low % width, usual + width + 1, width))
    edges = edges[: 1 + next(number for number, edge in enumerate(edges) if edge > usual)]
    open_end = high >= edges[-1]
    if open_end:
        edges.append(high + 1)
    counts, _ = np.histogram(values, bins=np.array(edges))
    return {"edges": edges, "counts": counts.tolist(), "open_end": open_end}


def groups(names: Sequence[str], rows: Iterable[Sequence[int] | Array]) -> Part:
    """Return the part of named lists of rows, in the order given: `figures["groups"]` holds name and number of rows."""
    arrays = [np.asarray(each, dtype=np.int64) for each in rows]
    figures = [{"name": name, "rows": len(each)} for name, each in zip(names, arrays, strict=True)]
    return Part({"groups": figures}, packed("groups", arrays))


def packed(name: str, rows: Sequence[Sequence[int] | Array]) -> dict[str, Array]:
    """Return lists of rows as two arrays: all rows one after the other, and where each list begins and ends."""
    ends = np.cumsum([0, *(len(each) for each in rows)])
    flat = np.concatenate([np.zeros(0, np.int32), *(np.asarray(each, dtype=np.int32) for each in rows)])
    return {f"{name}_rows": flat, f"{name}_ends": ends}


def unpacked(arrays: Mapping[str, Array], name: str, number: int) -> list[int]:
    """Return list `number` of those that `packed` put together; raises IndexError when there is no such list."""
    ends = arrays[f"{name}_ends"]
    if not 0 <= number < len(ends) - 1:
        raise IndexError(number)
    return [int(row) for row in arrays[f"{name}_rows"][ends[number] : ends[number + 1]]]


def _round_width(wanted: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 … that is at least `wanted`."""
    if wanted <= 1:
        return 1
    power = 10 ** math.floor(math.log10(wanted))
    return int(next(step * power for step in (1, 2, 5, 10) if step * power >= wanted))
