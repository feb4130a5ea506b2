"""Cites in answers held against the sources, with the sentence that each rests on."""

from __future__ import annotations

import pytest

from mactuner_core.rag.answer import Part, Source, cited, quote_for, unknown_numbers

FIRST = "연차는 1년에 15일입니다. 결혼 휴가는 본인 7일, 자녀 1일입니다.\n이사 휴가는 2년에 하루입니다."
SECOND = "The kettle holds 1.2 litres. It boils in about 4 minutes. Milk is not allowed."


@pytest.fixture
def sources() -> list[Source]:
    cut = FIRST.index("이사")
    parts = (Part("a-0", 3, 3, 0, cut, 0.8), Part("a-1", 4, 4, cut, len(FIRST), None))
    one = Source(1, "handbook.pdf", "a", "a-0", 3, 4, 0.8, ("휴가",), FIRST, parts)
    two = Source(2, "faq.txt", "b", "b-0", 1, 1, 0.5, (), SECOND, (Part("b-0", 1, 1, 0, len(SECOND), 0.5),))
    return [one, two]


@pytest.mark.parametrize(
    ("mark", "numbers"),
    [
        ("[1]", [1]),
        ("[1, 2]", [1, 2]),
        ("[2,1]", [2, 1]),
        ("[1][2]", [1, 2]),
        ("【1】", [1]),
        ("【2†handbook】", [2]),
        ("[1、2]", [1, 2]),
        ("[1, 9]", [1]),
        ("[9]", []),
        ("[2026]", []),
        ("(1)", []),
        ("`a[1]`", []),
        ("\n```\na[1]\n```", []),
        ("[1](https://x.example)", []),
        ("https://x.example/a[1]", [1]),
        ("[\u200b1]", []),
        ("[a1]", []),
    ],
)
def test_forms_of_cites(mark: str, numbers: list[int], sources: list[Source]) -> None:
    text = f"결혼하면 7일 쉽니다 {mark} 그렇습니다."
    found = cited(text, sources)
    assert [one.number for one in found] == numbers
    assert all(text[one.start : one.end] in mark for one in found)


def test_unknown_numbers_are_told_once(sources: list[Source]) -> None:
    assert unknown_numbers("a [9], b [1, 12] c [9]", sources) == [9, 12]
    assert unknown_numbers("a [1]", []) == [1]


def test_a_quote_is_the_sentence_that_says_it(sources: list[Source]) -> None:
    answer = "결혼하면 휴가를 7일 받습니다.[1] 이사하면 하루 쉽니다 [1]. Milk must not be used [2]."
    married, moved, milk = cited(answer, sources)
    assert married.quote == "결혼 휴가는 본인 7일, 자녀 1일입니다."
    assert (married.page, married.chunk_id, married.score) == (3, "a-0", 0.8)
    assert moved.quote == "이사 휴가는 2년에 하루입니다."
    assert (moved.page, moved.chunk_id) == (4, "a-1")
    assert milk.quote == "Milk is not allowed."
    for one in (married, moved):
        assert FIRST[one.quote_start : one.quote_end] == one.quote
    assert (milk.document, milk.document_id) == ("faq.txt", "b")


def test_two_sentences_are_quoted_when_both_are_needed() -> None:
    start, end = quote_for("It holds 1.2 litres and boils in about 4 minutes", SECOND)
    assert SECOND[start:end] == "The kettle holds 1.2 litres. It boils in about 4 minutes."


def test_a_mark_before_its_sentence_takes_the_one_behind(sources: list[Source]) -> None:
    (one,) = cited("[2] Milk is forbidden.", sources)
    assert one.quote == "Milk is not allowed."


def test_a_source_without_sentences_is_quoted_whole() -> None:
    assert quote_for("anything", "") == (0, 0)
    assert quote_for("", "한 줄") == (0, 3)
