"""Reading order on a page: columns are found by the empty strip between them; what spans them parts them.

Nothing is assumed about the order in the file. Labels beside their values are not columns of text: those fill their width.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from statistics import median
from typing import Protocol, TypeVar

from mactuner_core.rag.documents.document import Box

_BIN = 2.0  # points
_MOST_BINS = 4000
_NARROWEST_GUTTER = 3  # bins
_LEAST_LINES = 3  # in a column
_FILLED = 0.6  # of a column's width by its median line
_LEAST_WIDTH = 0.2  # of the region by a column
_MOST_SPANNING = 0.5  # of the lines of a region


class Boxed(Protocol):
    """Anything with a place on the page."""

    @property
    def box(self) -> Box:
        """Left, top, right, bottom."""


Item = TypeVar("Item", bound=Boxed)


def reading_order(items: Sequence[Item]) -> list[list[Item]]:
    """Return `items` as runs to be read one after the other, each within one column, from top to bottom."""
    gutter = _gutter(items)
    if gutter is None:
        return [_by_rows(items)] if items else []
    runs: list[list[Item]] = []
    left: list[Item] = []
    right: list[Item] = []
    spanning: list[Item] = []
    for item in sorted(items, key=lambda item: (item.box[1], item.box[0])):
        side = left if item.box[2] <= gutter else right if item.box[0] >= gutter else spanning
        if side is spanning and (left or right):
            runs += reading_order(left) + reading_order(right)
            left, right = [], []
        elif side is not spanning and spanning:
            runs.append(_by_rows(spanning))
            spanning = []
        (left if side is left else right if side is right else spanning).append(item)
    return runs + ([_by_rows(spanning)] if spanning else []) + reading_order(left) + reading_order(right)


def same_row(one: Box, other: Box) -> bool:
    """Tell whether two boxes stand beside each other: they share more than half of the lower one's height."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return shared > 0.5 * min(one[3] - one[1], other[3] - other[1])


def rows_of(items: Sequence[Item]) -> list[list[Item]]:
    """Return `items` from top to bottom, those of one row together from left to right."""
    rows: list[list[Item]] = []
    for item in sorted(items, key=lambda item: (item.box[1] + item.box[3], item.box[0])):
        if rows and same_row(rows[-1][0].box, item.box):
            rows[-1].append(item)
        else:
            rows.append([item])
    return [sorted(row, key=lambda item: item.box[0]) for row in rows]


def _by_rows(items: Sequence[Item]) -> list[Item]:
    return [item for row in rows_of(items) for item in row]


def _gutter(items: Sequence[Item]) -> float | None:
    """Return the middle of the widest strip that the fewest items cross, when text columns stand on both sides of it."""
    if len(items) < 2 * _LEAST_LINES:
        return None
    start, end = min(item.box[0] for item in items), max(item.box[2] for item in items)
    step = max(_BIN, (end - start) / _MOST_BINS)
    bins = int((end - start) / step) + 1
    changes = [0] * (bins + 1)
    for item in items:
        changes[int((item.box[0] - start) / step)] += 1
        changes[min(bins, int((item.box[2] - start) / step) + 1)] -= 1
    covered = list(accumulate(changes[:-1]))
    for first, last in _strips(covered, int(bins * _LEAST_WIDTH), int(bins * (1 - _LEAST_WIDTH)), len(items)):
        middle = start + (first + last + 1) / 2 * step
        left = [item.box for item in items if item.box[2] <= middle]
        right = [item.box for item in items if item.box[0] >= middle]
        if _is_column(left, end - start) and _is_column(right, end - start) and _beside(left, right):
            return middle
    return None


def _strips(covered: list[int], start: int, end: int, count: int) -> list[tuple[int, int]]:
    """Return the strips of equal cover, emptiest first and then widest."""
    found = []
    first = start
    for place in range(start, end + 1):
        if place == end or covered[place] != covered[first]:
            if place - first >= _NARROWEST_GUTTER and covered[first] <= _MOST_SPANNING * count:
                found.append((covered[first], first - place, first))
            first = place
    return [(first, first - width - 1) for _, width, first in sorted(found)[:5]]


def _is_column(boxes: list[Box], region: float) -> bool:
    if len(boxes) < _LEAST_LINES:
        return False
    width = max(box[2] for box in boxes) - min(box[0] for box in boxes)
    return width >= _LEAST_WIDTH * region and median(box[2] - box[0] for box in boxes) >= _FILLED * width


def _beside(left: list[Box], right: list[Box]) -> bool:
    top = max(min(box[1] for box in left), min(box[1] for box in right))
    bottom = min(max(box[3] for box in left), max(box[3] for box in right))
    return bottom > top
