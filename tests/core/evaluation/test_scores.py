"""Exact match and chrF of answers."""

from __future__ import annotations

import unicodedata

import pytest

from mactuner_core.evaluation.scores import Scores, compare, is_exact, score


def test_equal_answers_score_full_marks() -> None:
    assert score(["네, 가능합니다.", "아니요."], ["네, 가능합니다.", "아니요."]) == Scores(2, 2, 100.0)


def test_space_and_unicode_form_do_not_count() -> None:
    assert is_exact(" 네,  가능합니다.\n", unicodedata.normalize("NFD", "네, 가능합니다."))
    assert not is_exact("네, 가능합니다", "네, 가능합니다.")


def test_chrf_is_the_one_of_sacrebleu_and_grows_with_likeness() -> None:
    from sacrebleu import corpus_chrf

    answers, references = ["계약은 승낙으로 성립", "xyz"], ["계약은 승낙으로 성립합니다.", "상속은 승계"]
    found = score(answers, references)
    assert found.chrf == round(corpus_chrf(answers, [references]).score, 2)
    assert score(["xyz"], references[:1]).chrf < score(answers[:1], references[:1]).chrf


def test_nothing_asked_is_no_score() -> None:
    assert score([], []) == Scores(0, 0, 0.0)
    with pytest.raises(ValueError, match="1 answers for 2 references"):
        score(["a"], ["a", "b"])


def test_base_stands_beside_tuned() -> None:
    found = compare(["x"], ["네"], ["네"])
    assert found["base"]["exact"] == 0 and found["tuned"] == {"exact": 1, "total": 1, "chrf": 100.0}
