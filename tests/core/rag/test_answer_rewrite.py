"""Follow-up questions get the topic of the question before them; questions of their own stay as they are."""

from __future__ import annotations

import pytest

from mactuner_core.rag.rewrite import search_text


@pytest.mark.parametrize(
    ("question", "earlier", "added"),
    [
        ("그럼 언제까지 받을 수 있어요?", ["재택근무는 며칠인가요?", "보증금 반환은 누가 해요?"], ["보증금", "반환"]),
        ("그건 얼마예요?", ["공유 자전거 한 달 이용권이 있나요?"], ["자전거", "이용"]),
        ("보증금은요?", ["원룸 임대차 계약 기간은 얼마인가요?"], ["임대차", "계약"]),
        ("왜요?", ["우유를 데우면 안 되나요?"], ["우유"]),
        ("몇 개월이에요?", ["수습 기간이 있나요?", "그건 어디 적혀 있나요?"], ["수습", "기간"]),
        ("And on Sundays?", ["When does the library open?"], ["library"]),
        ("Is it free?", ["Where can I park a bike?"], ["park", "bike"]),
    ],
)
def test_a_question_that_leans_gets_words_of_the_one_before(
    question: str, earlier: list[str], added: list[str]
) -> None:
    found = search_text(question, earlier)
    assert found.startswith(question)
    assert {*added} <= {*found[len(question) :].split()}


def test_what_was_asked_long_before_does_not_come_back() -> None:
    found = search_text("그럼 언제까지요?", ["재택근무는 며칠인가요?", "보증금 반환은 누가 해요?"])
    assert "재택" not in found


@pytest.mark.parametrize(
    "question", ["임대차 계약 기간은 얼마인가요?", "온도는 몇 도까지 맞출 수 있나요?", "When does the lease end?"]
)
def test_a_question_of_its_own_stays(question: str) -> None:
    assert search_text(question, ["연차는 며칠인가요?", "How long is the vacation?"]) == question


def test_without_a_question_before_nothing_changes() -> None:
    assert search_text("그건 얼마예요?", []) == "그건 얼마예요?"


def test_few_words_are_added_of_a_long_question() -> None:
    before = " ".join(f"topic{chr(97 + number)}" for number in range(26)) * 50
    assert len(search_text("And then?", [before]).split()) <= 2 + 12
