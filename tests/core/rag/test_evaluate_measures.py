"""The measures against values worked out by hand."""

from __future__ import annotations

import math
from operator import eq

import pytest

from mactuner_core.rag.measures import difference, mean_of, ndcg_at, ranks_of, recall_at, reciprocal_rank


def test_ranks_count_from_one_and_the_first_match_counts() -> None:
    assert ranks_of(["b", "a", "a", "c"], ["a", "c", "x"], eq) == [2, 4, None]


def test_recall_is_the_share_of_the_sources_found() -> None:
    assert [recall_at([2, 4, None], k) for k in (1, 2, 4, 9)] == [0, 1 / 3, 2 / 3, 2 / 3]


def test_reciprocal_rank_looks_at_the_first_right_hit_within_k() -> None:
    assert reciprocal_rank([4, 2, None], 10) == 0.5
    assert reciprocal_rank([4], 3) == 0
    assert reciprocal_rank([None], 3) == 0


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    assert ndcg_at([1], 5) == 1
    assert ndcg_at([3], 5) == pytest.approx(1 / math.log2(4))
    assert ndcg_at([1, 3], 5) == pytest.approx((1 + 0.5) / (1 + 1 / math.log2(3)))
    assert ndcg_at([2], 1) == 0
    assert ndcg_at([1, 2, 3], 1) == 1  # one place holds one source: the best that can be


def test_one_hit_that_holds_both_sources_is_no_more_than_perfect() -> None:
    assert ndcg_at([1, 1], 5) == 1
    assert recall_at([1, 1], 1) == 1


@pytest.mark.parametrize("measure", [recall_at, reciprocal_rank, ndcg_at])
def test_a_question_without_source_and_a_k_of_zero_are_errors(measure: object) -> None:
    assert callable(measure)
    with pytest.raises(ValueError):
        measure([], 5)
    with pytest.raises(ValueError):
        measure([1], 0)


def test_the_interval_holds_the_mean_and_shrinks_with_more_questions() -> None:
    few, many = mean_of([1.0, 0.0] * 10), mean_of([1.0, 0.0] * 1000)
    assert few.mean == many.mean == 0.5
    assert few.low < 0.5 < few.high
    assert many.high - many.low < (few.high - few.low) / 5
    assert few.high - few.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(20), rel=0.2)
    assert mean_of([1.0] * 5) == mean_of([1.0] * 5)
    assert (mean_of([1.0] * 5).low, mean_of([1.0] * 5).high) == (1, 1)


def test_a_difference_is_taken_question_by_question() -> None:
    better = difference([1.0] * 30 + [0.0] * 10, [0.0] * 10 + [1.0] * 20 + [0.0] * 10)
    assert better.mean == 0.25 and better.low > 0
    same = difference([1.0, 0.0] * 20, [0.0, 1.0] * 20)
    assert same.low < 0 < same.high
    with pytest.raises(ValueError):
        difference([1.0], [1.0, 0.0])
    with pytest.raises(ValueError):
        mean_of([])
