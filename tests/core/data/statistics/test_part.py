"""Histograms, percentiles and lists of rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mactuner_core.data.statistics.part import groups, histogram, lengths, packed, unpacked


def test_lengths_by_hand() -> None:
    found = lengths(np.array([3, 1, 2, 10]))
    assert (found["total"], found["mean"], found["min"], found["max"]) == (16, 4.0, 1, 10)
    assert found["percentiles"] == {"5": 1, "25": 1, "50": 2, "75": 3, "90": 10, "95": 10, "99": 10}
    assert found["histogram"]["edges"] == list(range(1, 12))
    assert found["histogram"]["counts"] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    assert not found["histogram"]["open_end"]


def test_the_last_bin_takes_what_is_far_longer() -> None:
    values = np.array([*range(100, 200), 5000])
    found = histogram(values)
    assert found["open_end"]
    assert found["edges"] == [*range(100, 205, 5), 5001]
    assert found["counts"] == [5] * 20 + [1]


@pytest.mark.parametrize("values", [[7], [7, 7, 7], [0], [0, 1_000_000], list(range(1000)), [1] * 999 + [10**6]])
def test_every_value_lies_in_one_bin(values: list[int]) -> None:
    found = histogram(np.array(values))
    edges = found["edges"]
    assert sum(found["counts"]) == len(values)
    assert edges == sorted(set(edges)) and len(edges) == len(found["counts"]) + 1 <= 35
    assert edges[0] <= min(values) and max(values) < edges[-1]
    widths = {after - before for before, after in pairwise(edges)}
    assert len(widths) <= (2 if found["open_end"] else 1)


def test_nothing_has_no_bins() -> None:
    found = lengths(np.zeros(0, np.int32))
    assert found["total"] == 0 and found["mean"] is None and found["percentiles"] == {}
    assert found["histogram"] == {"edges": [], "counts": [], "open_end": False}


def test_lists_of_rows() -> None:
    arrays = packed("x", [[5, 1], [], [9]])
    assert [unpacked(arrays, "x", number) for number in range(3)] == [[5, 1], [], [9]]
    for number in (-1, 3):
        with pytest.raises(IndexError):
            unpacked(arrays, "x", number)
    part = groups(["a", "b"], [[1, 2], [3]])
    assert part.figures == {"groups": [{"name": "a", "rows": 2}, {"name": "b", "rows": 1}]}
    assert unpacked(part.arrays, "groups", 0) == [1, 2]
