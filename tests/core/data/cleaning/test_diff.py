"""What two versions of a dataset differ in."""

from __future__ import annotations

from typing import Any

from mactuner_core.data.cleaning.clean import clean
from mactuner_core.data.cleaning.diff import diff
from mactuner_core.data.cleaning.steps import read_steps
from tests.core.data.cleaning.rows_of import answers, messy_rows, pair


def rows(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [pair(question, answer).as_row() for question, answer in pairs]


def test_added_removed_changed_and_left_as_they_were() -> None:
    old = rows(("성년은?", "19세"), ("유언은?", "17세"), ("소멸시효는?", "10년입니다"))
    new = rows(("성년은?", "19세"), ("유언은?", "만 17세"), ("보증 계약은?", "서면으로"))
    found = diff(old, new)
    assert found.counts() == {"added": 1, "removed": 1, "changed": 1, "unchanged": 1}
    assert found.changed == [(old[1], new[1])]
    assert (found.removed, found.added) == ([old[2]], [new[2]])


def test_the_same_rows_in_another_order_are_unchanged() -> None:
    old = rows(("가", "1"), ("나", "2"), ("가", "1"))
    assert diff(old, old[::-1]).counts() == {"added": 0, "removed": 0, "changed": 0, "unchanged": 3}


def test_one_of_two_equal_rows_was_removed() -> None:
    old = rows(("가", "1"), ("가", "1"))
    assert diff(old, old[:1]).counts() == {"added": 0, "removed": 1, "changed": 0, "unchanged": 1}
    assert diff([], old).counts()["added"] == 2


def test_a_row_changed_on_both_sides_is_recognised_by_its_place() -> None:
    old = rows(("가", "1"), ("제 번호는 010-1234-5678이에요", "네, 010-1234-5678로 전화할게요"), ("나", "2"))
    new = rows(("가", "1"), ("제 번호는 [전화번호]이에요", "네, [전화번호]로 전화할게요"), ("나", "2"))
    assert diff(old, new).changed == [(old[1], new[1])]


def test_a_new_row_in_the_place_of_another_is_no_change() -> None:
    old = rows(("가", "1"), ("유언은 몇 살부터?", "17세"))
    new = rows(("가", "1"), ("보증은 어떻게?", "서면으로 해야 합니다"))
    assert diff(old, new).counts() == {"added": 1, "removed": 1, "changed": 0, "unchanged": 1}


def test_plain_text_rows() -> None:
    found = diff([{"text": "가  나"}, {"text": "라"}], [{"text": "가 나"}])
    assert (found.changed, found.removed) == ([({"text": "가  나"}, {"text": "가 나"})], [{"text": "라"}])


def test_it_says_what_cleaning_did() -> None:
    examples = [*messy_rows(), *answers("ㅋㅋㅋㅋ 네", "그대로 둘 글")]
    result = clean(examples, read_steps([{"step": "missing_values"}, {"step": "html"}, {"step": "whitespace"}]))
    counts = diff([row.as_row() for row in examples], [row.as_row() for row in result.examples]).counts()
    before = {row.line: row for row in examples}
    assert counts["added"] == 0
    assert counts["removed"] == len(result.left_out)
    assert counts["unchanged"] + counts["changed"] == len(result.examples)
    assert counts["changed"] > 5 and before
