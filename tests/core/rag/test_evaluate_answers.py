"""Answers held against their sources without a model."""

from __future__ import annotations

import json

import pytest

from mactuner_core.rag.answer_checks import (
    check_answer,
    check_quote,
    cited_numbers,
    language_of,
    missing_numbers,
    quote_share,
)
from mactuner_core.rag.answer_findings import findings_of

RENT = "갱신 요구로 이어지는 계약에서는 보증금과 월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없습니다. 한 번 올린 뒤에는 1년이 지나야 다시 올릴 수 있습니다."
CARD = "카드를 잃어버리면 앱의 카드 관리나 24시간 분실 신고 전화로 곧바로 정지합니다."
SOURCES = {1: RENT, 2: CARD}
QUESTION = "월세를 얼마까지 올릴 수 있나요?"


@pytest.mark.parametrize(
    "quote",
    [
        "보증금과 월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없습니다",
        "보증금과  월세를\n종전 금액의 5퍼센트보다 많이 올릴 수 없습니다.",
        "보증금과 월세를… 다시 올릴 수 있습니다",
        "보증금과 월세를 [...] 5퍼센트보다 많이 올릴 수 없습니다",
    ],
)
def test_a_quote_is_verbatim_but_for_spaces_marks_and_what_it_leaves_out(quote: str) -> None:
    assert quote_share(quote, RENT) == 1


def test_a_changed_ending_is_nearly_verbatim_and_another_sentence_is_not() -> None:
    near = quote_share("보증금과 월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없다", RENT)
    assert 0.85 < near < 1
    assert quote_share("집주인은 아무 때나 마음대로 나가라고 할 수 있습니다", RENT) < 0.6
    assert quote_share("", RENT) == 0 and quote_share("보증금", "") == 0
    assert quote_share("The RENT may be raised", "the rent may be raised once.") == 1


def test_a_changed_number_never_stands() -> None:
    quote = "보증금과 월세를 종전 금액의 7퍼센트보다 많이 올릴 수 없습니다"
    assert quote_share(quote, RENT) > 0.95 and missing_numbers(quote, RENT) == ["7"]
    assert not check_quote(quote, SOURCES).stands
    assert missing_numbers("1,000원과 ２４시간", "1000원, 24시간") == []


def test_words_scattered_over_a_source_are_no_quote() -> None:
    scattered = "보증금과 한 번 이어지는 종전 다시 계약에서는 올린 금액의"
    assert quote_share(scattered, RENT) < 0.7


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("5퍼센트입니다 [1]. 그리고 [2][1].", [1, 2]),
        ("묶어서 [1, 3] 또는 [2、4]", [1, 3, 2, 4]),
        ("`list[1]`과 ```\na[2]\n``` 그리고 [3](http://x)", []),
        ("2024년에는 [2024] 없다", []),
        ("닫지 않은 ```\n[1]", []),
        ("다른 괄호 【1】와 【2†근거】, [3; 4]", [1, 2, 3, 4]),
        ("https://example.org/a[5] 그리고 [6]", [5, 6]),
    ],
)
def test_cited_numbers(answer: str, numbers: list[int]) -> None:
    assert cited_numbers(answer) == numbers


def test_a_good_answer_passes() -> None:
    answer = "5퍼센트까지입니다. “보증금과 월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없습니다” [1]."
    checked = check_answer(QUESTION, answer, SOURCES)
    assert checked.passed and checked.cited == [1] and checked.same_language
    assert [(quote.source, quote.share) for quote in checked.quotes] == [(1, 1.0)]
    assert json.loads(json.dumps(checked.as_dict()))["passed"] is True


def test_a_quote_has_to_stand_in_the_source_it_is_cited_with() -> None:
    wrong = '"종전 금액의 5퍼센트보다 많이 올릴 수 없습니다" [2]'
    assert not check_answer(QUESTION, wrong, SOURCES).passed
    assert check_answer(QUESTION, wrong.replace("[2]", "[1, 2]"), SOURCES).passed
    assert check_answer(QUESTION, "한도가 있습니다 [2]. 「5퍼센트보다 많이 올릴 수 없습니다」", SOURCES).passed
    next_sentence = '"5퍼센트보다 많이 올릴 수 없습니다". 카드는 곧바로 정지합니다 [2].'
    assert check_answer(QUESTION, next_sentence, SOURCES).quotes[0].source == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("5퍼센트까지 올릴 수 있습니다.", "nothing cited"),
        ("5퍼센트까지 올릴 수 있습니다 [3].", "no such source"),
        ('‘규정’에 "집주인이 원하는 만큼 올릴 수 있습니다"라고 나옵니다 [1].', "invented quote"),
        ("It may be raised by five percent at most [1].", "other language"),
    ],
)
def test_a_bad_answer_does_not_pass(answer: str, why: str) -> None:
    assert not check_answer(QUESTION, answer, SOURCES).passed, why


def test_a_number_inside_a_quote_is_its_cite() -> None:
    inside = "“보증금과 월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없습니다 [1].”"
    assert check_answer(QUESTION, inside, SOURCES).passed
    assert not check_answer(QUESTION, inside.replace("[1]", "[2]"), SOURCES).passed


def test_a_repeated_question_is_no_quote_and_a_quote_in_another_language_is_not_the_answers() -> None:
    assert check_answer(QUESTION, f"“{QUESTION}”라고 물으셨습니다. 5퍼센트까지입니다 [1].", SOURCES).passed
    english = "Five percent: “보증금과 월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없습니다” [1]."
    assert check_answer("How much may the rent be raised?", english, SOURCES).passed
    assert not check_answer(QUESTION, english, SOURCES).passed


def test_without_sources_an_answer_that_cites_nothing_is_right_and_an_empty_one_never_is() -> None:
    assert check_answer(QUESTION, "문서에 답이 없습니다.", {}).passed
    assert not check_answer(QUESTION, "문서에 답이 없습니다.", SOURCES).passed
    assert not check_answer(QUESTION, " \n", {}).passed
    assert not check_answer(QUESTION, "문서에 있습니다 [1].", {}).passed


def test_what_was_found_is_said_in_words() -> None:
    def said(answer: str, sources: dict[int, str] = SOURCES) -> list[str]:
        return [found.text("ko") for found in findings_of(check_answer(QUESTION, answer, sources))]

    assert said("5퍼센트까지입니다 [1]. 카드는 곧바로 정지합니다 [2].") == ["출처 2개 인용"]
    assert said("“5퍼센트보다 많이 올릴 수 없습니다” [1]") == ["출처 1개 인용 · 인용문 1개 확인"]
    assert said("문서에 답이 없습니다.", {}) == ["답변에 쓸 구절을 찾지 못했습니다"]
    assert said("문서에 답이 없습니다.") == ["인용한 출처 없음"]
    assert said("“집주인이 원하는 만큼 올릴 수 있습니다” [1], [7]") == [
        "출처에 없는 번호: [7]",
        "출처에 없는 인용문: “집주인이 원하는 만큼 올릴 수 있습니다”",
    ]
    (long,) = said(f"“{'아무 데도 없는 말입니다 ' * 20}” [1]")
    assert long.endswith("…”") and len(long) < 150


def test_names_in_quotation_marks_are_no_quotes_and_no_sources_hold_none() -> None:
    assert check_answer(QUESTION, '"계약" 갱신 [1]', SOURCES).quotes == []
    checked = check_answer(QUESTION, '"5퍼센트보다 많이 올릴 수 없습니다" [1]', {})
    assert checked.unknown == [1] and checked.quotes[0].source is None and not checked.quotes[0].stands


@pytest.mark.parametrize(
    ("content", "language"),
    [
        ("월세를 올릴 수 있나요?", "ko"),
        ("VPN 접속은 two-factor authentication 앱으로 합니다", "ko"),
        ("The rent may be raised", "latin"),
        ("The Korean word 전세 means a lease with one large deposit and no monthly rent", "latin"),
        ("家賃を上げられますか", "ja"),
        ("房租可以涨多少", "zh"),
        ("Можно ли повысить", "cyrillic"),
        ("5% [1]", ""),
        ("https://example.org/long/path ```def f(): pass``` 네 그렇습니다", "ko"),
    ],
)
def test_languages_are_told_by_their_writing(content: str, language: str) -> None:
    assert language_of(content) == language


def test_a_very_long_source_is_searched_for_a_changed_quote() -> None:
    source = "다른 문장이 이어집니다. " * 2000 + RENT + " 또 다른 이야기입니다." * 2000
    assert quote_share("보증금과 월세를 종전 금액의 5퍼센트보다 더 많이 올릴 수 없습니다", source) > 0.9
