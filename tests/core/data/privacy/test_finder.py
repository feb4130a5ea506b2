"""The finder: scores on the labelled sentences, offsets, hostile strings, names, the sample chat."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest

from mactuner_core.data.privacy.finder import find
from mactuner_core.data.privacy.spans import KINDS, Span, settle
from mactuner_core.data.privacy.web import identifies
from tests.conftest import SAMPLES
from tests.core.data.privacy.score import score, sentences, table

AIM = 0.98


def found(text: str, names: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in find(text, names)]


@pytest.mark.parametrize("split", ["dev", "held_out"])
def test_precision_and_recall_of_every_kind(split: str) -> None:
    scores = score(split)
    print("\n" + table())
    wrong = [line for one in scores.values() for line in one.wrong]
    for kind, one in scores.items():
        assert one.precision >= AIM, (kind, wrong)
        assert one.recall >= AIM, (kind, wrong)


def test_the_labelled_set_is_large_and_half_traps() -> None:
    rows = sentences()
    assert len(rows) >= 440
    assert sum(not row["spans"] for row in rows) * 2 >= len(rows)
    assert 0.2 < sum(row["split"] == "held_out" for row in rows) / len(rows) < 0.4
    for kind in KINDS:
        assert sum(span[0] == kind for row in rows for span in row["spans"]) >= 15, kind


@pytest.mark.parametrize(
    "text",
    [
        "😀👨‍👩‍👧 010-1234-5678 끝",
        unicodedata.normalize("NFD", "민수야 번호 알려줘 서울시 마포구 가상로12길 34 📱 010-1234-5678"),
        "e\u0301\u0301 minsu@example.com \ufeff010-1234-5678",
        "전각 ０１０－１２３４－５６７８ 그리고 𝟎𝟏𝟎-𝟏𝟐𝟑𝟒-𝟓𝟔𝟕𝟖",
        "010\u200b-1234\u200b-5678",
        "\ud800 깨진 글자 \udfff 010-1234-5678",
    ],
)
def test_offsets_count_characters_of_the_input(text: str) -> None:
    spans = find(text, ["민수"])
    assert any(span.kind == "phone" for span in spans)
    for kind, start, end in spans:
        piece = unicodedata.normalize("NFKC", text[start:end].replace("\u200b", ""))
        pattern = {"phone": r"010-1234-5678", "name": "민수", "email": r"minsu@example\.com"}.get(kind, ".*34")
        assert re.fullmatch(pattern, piece), (kind, piece)


def test_overlaps_are_settled_for_the_longer() -> None:
    spans = [Span("phone", 5, 18), Span("url", 0, 30), Span("name", 30, 32), Span("card", 31, 40)]
    assert settle(spans) == [Span("url", 0, 30), Span("card", 31, 40)]


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "가",
        "@",
        "a",
        "1-",
        "1 ",
        "1.",
        "동1",
        "가로1 ",
        "a@",
        "a.",
        "공일",
        "010-1234-5678 ",
        "1:",
        "민수",
        "900101-*",
    ],
)
def test_hostile_strings_take_seconds_not_hours(unit: str) -> None:
    size = 300_000
    started = time.process_time()
    find(unit * (size // len(unit)), ["김민수"])
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("안녕민수야", ["김민수"], ["민수"]),
        ("민수 씨, 민수님, 민수이형", ["김민수"], ["민수", "민수", "민수"]),
        ("김민수와 김 민수", ["김민수"], ["김민수", "김 민수"]),
        ("황보준이 왔다", ["황보준"], ["황보준"]),
        ("지은♥ 왔어 지은이도", ["이지은♥"], ["지은", "지은"]),
        ("Alice and malice, ALICE", ["Alice Kim"], ["Alice", "ALICE"]),
        ("민수기 철수세미", ["민수", "철수"], []),
        ("하늘이 맑은데 하늘아 뭐해", ["박하늘"], ["하늘"]),
        ("아무 이름 없음", [], []),
        ("정규식 글자 (.*)+ 도", ["(.*)+", "[", "가"], []),
    ],
)
def test_names_the_caller_knows(text: str, names: list[str], expected: list[str]) -> None:
    assert [text[start:end] for kind, start, end in find(text, names) if kind == "name"] == expected


@pytest.mark.parametrize(
    ("url", "personal"),
    [
        ("https://www.naver.com", False),
        ("https://docs.python.org/3.11/library/re.html", False),
        ("https://example.com/2026/10/02/news", False),
        ("https://example.com/users/48291", True),
        ("https://example.com/?q=1", True),
        ("https://user:secret@example.com/", True),
        ("https://example.com/#scalars", False),
        ("https://open.kakao.com/o/gAbC", True),
        ("https://[::broken/12345", False),
    ],
)
def test_urls_that_identify(url: str, personal: bool) -> None:
    assert identifies(url) is personal


def test_everything_planted_in_the_sample_chat_is_found() -> None:
    text = (SAMPLES / "kakaotalk_two_people.txt").read_text(encoding="utf-8")
    personal = [item for item in found(text, ("김민수", "이지은")) if item[0] != "name"]
    assert personal == [
        ("plate", "12가 3456"),
        ("address", "서울시 마포구 가상로12길 34, 501호 (예시동, 무지개빌라)"),
        ("phone", "010-1234-5678"),
        ("url", "https://stay.example.com/gangneung/anmok-204"),
        ("bank_account", "000000-00-123456"),
        ("phone", "010-0000-4321"),
        ("email", "jieun.lee@example.com"),
        ("phone", "010-9876-5432"),
        ("bank_account", "0000-12-3456789"),
    ]
    names = [value for kind, value in found(text, ("김민수", "이지은")) if kind == "name"]
    assert names.count("박가상") == 1
    left = re.sub("|".join(sorted(set(names), key=len, reverse=True)), "", text)
    assert not re.search("민수|지은", left)


def test_the_other_samples_give_no_false_find() -> None:
    for name in ("civil_law_qa.csv", "civil_law_unseen.csv", "big_five_chatml.jsonl"):
        assert found((SAMPLES / name).read_text(encoding="utf-8-sig")) == [], name
