"""Evaluating a search whose hits are known."""

from __future__ import annotations

import json

import pytest

from mactuner_core.rag.evaluate import Question, evaluate

ANSWERS = {"one": ["a", "b", "c"], "two": ["c", "b", "a"], "three": ["x", "y", "z"]}
QUESTIONS = [Question("one", ("a",), "easy"), Question("two", ("a",), "hard"), Question("three", ("a", "y"), "hard")]


def test_the_report_says_how_much_was_found_in_all_and_by_kind() -> None:
    report = evaluate(lambda question: ANSWERS[question], QUESTIONS, (1, 3))
    data = json.loads(json.dumps(report.as_dict()))
    assert data["questions"] == 3 and data["ks"] == [1, 3]
    assert data["all"]["recall@1"]["mean"] == pytest.approx(1 / 3, abs=1e-4)
    assert data["all"]["recall@3"]["mean"] == pytest.approx((1 + 1 + 0.5) / 3, abs=1e-4)
    assert data["all"]["mrr"]["mean"] == pytest.approx((1 + 1 / 3 + 1 / 2) / 3, abs=1e-4)
    assert list(data["kinds"]) == ["easy", "hard"]
    assert data["kinds"]["easy"]["questions"] == 1 and data["kinds"]["hard"]["questions"] == 2
    assert data["kinds"]["hard"]["recall@1"]["mean"] == 0
    assert data["missed"] == ["three"]
    assert data["search_ms"]["p95"] >= data["search_ms"]["median"] >= 0


def test_hits_past_the_largest_k_do_not_count() -> None:
    report = evaluate(lambda _: ["x"] * 5 + ["a"], [Question("q", ("a",))], (5,))
    assert report.measure("recall@5").mean == 0 and report.measure("mrr").mean == 0


def test_questions_without_kinds_have_no_kinds() -> None:
    assert evaluate(lambda _: ["a"], [Question("q", ("a",))], (5,)).as_dict()["kinds"] == {}


def test_progress_counts_the_questions() -> None:
    seen: list[tuple[int, int]] = []
    evaluate(
        lambda question: ANSWERS[question], QUESTIONS, (1,), on_progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("questions", "ks"), [([], (5,)), (QUESTIONS, ()), (QUESTIONS, (0,)), ([Question("one", ())], (1,))]
)
def test_what_cannot_be_measured_is_an_error(questions: list[Question[str]], ks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):
        evaluate(lambda question: ANSWERS[question], questions, ks).as_dict()
