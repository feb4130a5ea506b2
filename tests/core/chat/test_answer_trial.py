"""Answers of several questions held against their sources, with one that fails among them."""

from __future__ import annotations

import json

import pytest

from mactuner_core.chat.answer_trial import shares_of, trial_as_dict, try_answers
from mactuner_core.chat.ask_documents import DocumentsAnswer
from mactuner_core.errors import WorkError

RENT = "갱신 요구로 이어지는 계약에서는 보증금과 월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없습니다."
SOURCE = {"number": 1, "document": "임대차 안내.pdf", "headings": ["월세와 보증금 올리기"], "text": RENT}
SAID = {
    "월세를 얼마까지 올리나요?": "5퍼센트까지입니다. “월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없습니다” [1].",
    "보증금은 얼마까지 올리나요?": "“보증금과 월세를 종전 금액의 7퍼센트보다 많이 올릴 수 없습니다” [1]. 한 번뿐입니다 [4].",
    "어느 문서에 나오나요?": "「임대차 안내.pdf」의 「월세와 보증금 올리기」에 나옵니다 [1].",
    "집주인이 거절하면?": "",
    "When does it end?": "계약이 끝나는 날은 나오지 않습니다.",
}
GONE = "아무도 없나요?"


def ask(question: str) -> DocumentsAnswer:
    if question == GONE:
        raise WorkError("chat.server_gone", url="http://127.0.0.1:1/v1")
    return DocumentsAnswer(SAID[question], [SOURCE], seconds=0.5)


def test_each_answer_is_checked_and_a_failure_loses_no_other() -> None:
    good, changed, named, empty, foreign, gone = try_answers([*list(SAID), GONE], ask)
    assert good.passed and good.reasons() == []
    numbers, quote = changed.reasons("ko")
    assert numbers == "출처에 없는 번호: [4]"
    assert quote.startswith("출처 [1]과(와) 숫자가 다른 인용문: “보증금과 월세를 종전 금액의 7퍼센트")
    assert named.passed, "the model saw names and headings too"
    assert empty.reasons("en") == ["The answer is empty"]
    assert foreign.reasons("en") == ["Cites no source", "Is not in the language of the question"]
    assert gone.check is None and not gone.passed and "127.0.0.1" in gone.reasons("en")[0]


def test_shares_count_only_where_there_is_something_to_look_at() -> None:
    tried = list(try_answers([*list(SAID), GONE], ask))
    shares = {name: (share.count, share.of) for name, share in shares_of(tried).items()}
    assert shares == {
        "cites": (3, 5),
        "numbers_exist": (2, 3),
        "quotes_stand": (2, 3),
        "same_language": (3, 4),
        "passed": (2, 5),
    }
    told = json.loads(json.dumps(trial_as_dict(tried)))
    assert (told["asked"], told["answered"], told["failed"]) == (6, 5, 1)
    assert told["shares"]["passed"] == {"count": 2, "of": 5, "share": 0.4}
    assert told["results"][0]["check"]["passed"] and told["results"][0]["seconds"] == 0.5
    assert told["results"][-1]["error"]["code"] == "chat.server_gone"


def test_nothing_to_look_at_is_no_share() -> None:
    shares = shares_of([])
    assert {str(share) for share in shares.values()} == {"–"}
    assert shares["passed"].as_dict() == {"count": 0, "of": 0, "share": None}


def test_what_was_answered_is_there_when_it_is_stopped() -> None:
    def stop(question: str) -> DocumentsAnswer:
        if question != next(iter(SAID)):
            raise KeyboardInterrupt
        return ask(question)

    tried = []
    with pytest.raises(KeyboardInterrupt):
        for one in try_answers(SAID, stop):
            tried.append(one)  # noqa: PERF402 (a list made at once would be lost)
    assert [one.passed for one in tried] == [True]
