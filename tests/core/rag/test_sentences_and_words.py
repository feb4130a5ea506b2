"""Sentences stay whole, and the words of a text are those that find it again."""

from __future__ import annotations

import pytest

from mactuner_core.rag.sentences import pieces, sentences
from mactuner_core.rag.words import PAIR, question_words, surface_patterns, weight, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("회사는 휴가를 준다. 다만, 1년 미만은 1일이다.", ["회사는 휴가를 준다.", "다만, 1년 미만은 1일이다."]),
        ("He pays 3.5 dollars. She does not.", ["He pays 3.5 dollars.", "She does not."]),
        ("Dr. Kim met Mr. Lee at 9 a.m. They left.", ["Dr. Kim met Mr. Lee at 9 a.m.", "They left."]),
        ("See Fig. 3 for more. It is clear!", ["See Fig. 3 for more.", "It is clear!"]),
        ("今日は晴れ。明日は雨。", ["今日は晴れ。", "明日は雨。"]),
        ("no full stop at all", ["no full stop at all"]),
        ("   ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_sentence_that_is_too_long_is_cut_at_clauses_then_spaces_then_letters() -> None:
    def fits(text: str) -> bool:
        return len(text) <= 20

    assert pieces("first of it, second of it, third", fits) == ["first of it,", "second of it, third"]
    assert pieces("one two three four five six seven", fits) == ["one two three four", "five six seven"]
    assert pieces("x" * 45, fits) == ["x" * 20, "x" * 20, "x" * 5]


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("연차 이월", "쓰지 못한 연차는 이듬해로 이월됩니다."),  # particles and endings
        ("빌릴 수 있는 책", "책을 7권까지 빌린다."),  # another ending of the verb
        ("borrowing books", "A book may be borrowed."),
        ("MK-200 전력", "주전자 MK-200의 전력은 1,850W이다."),
        ("1850w", "정격 1,850W"),
        ("15일", "휴가는 15일이다."),
        ("15 일", "휴가는 15일이다."),
        ("연차 휴가", "연차휴가"),  # spaces that are missing
        ("연차", "연차"),  # NFD
    ],
)
def test_words_of_question_and_text_meet(asked: str, written: str) -> None:
    assert set(words(asked)) & set(words(written))


def test_what_was_spelt_or_spaced_otherwise_shares_pairs_of_syllables() -> None:
    shared = set(words("연차휴가이월")) & set(words("연차 휴가 이월"))
    assert {f"{PAIR}연차", f"{PAIR}차휴", f"{PAIR}휴가"} <= shared
    assert weight(f"{PAIR}연차") < weight("연차")


def test_a_question_is_about_more_than_its_asking() -> None:
    assert question_words("How can I borrow a bicycle?") == ["borrow", "bicycl"]
    assert "며칠" not in question_words("연차는 며칠인가요?")
    assert question_words("how") == ["how"]


def test_words_of_a_question_are_found_where_they_stand() -> None:
    assert _marked("연차 이월 borrowing", "쓰지 못한 연차는 이월됩니다. Borrowed books.") == [
        "Borrowed",
        "연차",
        "이월",
    ]


def test_only_the_telling_words_of_a_question_are_marked() -> None:
    assert _marked("What does a battery cost?", "What batteries cost, and what a battery does.") == [
        "batteries",
        "battery",
        "cost",
    ]
    assert _marked("연차는 며칠인가요?", "며칠 동안 연차를 씁니다.") == ["연차"]
    assert _marked("how", "This is how.") == ["how"]


def _marked(question: str, text: str) -> list[str]:
    patterns = surface_patterns(question)
    return sorted(text[one.start() : one.end()] for pattern in patterns for one in pattern.finditer(text))
