"""What is counted without a tokenizer, against numbers counted by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from mactuner_core.data.kakaotalk.pairs import ChatExample
from mactuner_core.data.records import Record
from mactuner_core.data.rows import Example
from mactuner_core.data.statistics.compute import compute
from mactuner_core.data.statistics.part import Statistics, groups
from mactuner_core.data.statistics.same import SameTexts, compared
from mactuner_core.data.statistics.select import rows_between, rows_in
from tests.core.data.statistics.conftest import chat


@pytest.fixture
def found() -> Statistics:
    train = [
        chat("안녕", "반가워요"),  # 2 + 4
        chat("What?", "Yes", "Ok", "Bye"),  # 5 + 3 + 2 + 3
        chat("안녕", "반가워요"),  # 0 again
        chat("안녕!", " 반가워요.", system="짧게"),  # 0 but for marks and the system prompt; 3 + 6 + 2
    ]
    validation = [chat("안녕", "반가워요"), chat("WHAT", "yes", "ok", "bye"), chat("새 질문", "새 답")]
    return compute(train, validation)


def test_rows_characters_and_turns(found: Statistics) -> None:
    rows = found.rows
    assert (rows["rows"], rows["train_rows"], rows["validation_rows"]) == (7, 4, 3)
    assert rows["characters"]["total"] == 6 + 13 + 6 + 11 + 6 + 12 + 7
    assert (rows["characters"]["min"], rows["characters"]["max"]) == (6, 13)
    assert rows["turns"]["histogram"] == {"edges": [2, 3, 4, 5], "counts": [5, 0, 2], "open_end": False}
    assert [rows_in(found, "turns", number) for number in range(3)] == [[0, 2, 3, 4, 6], [], [1, 5]]
    assert rows_between(found, "characters", 7, 12) == [3, 5, 6]
    assert rows["file_bytes"] is None
    assert rows["memory_bytes"] == 11 * 74 + 2 * 36 + 8 * 49 + 25


def test_who_says_how_much(found: Statistics) -> None:
    parts = {part["name"]: part for part in found.rows["parts"]}
    assert list(parts) == ["user", "assistant", "system"]
    assert parts["system"] == {"name": "system", "texts": 1, "characters": 2, "rows": 1}
    assert parts["user"] == {"name": "user", "texts": 9, "characters": 2 + 7 + 2 + 3 + 2 + 6 + 4, "rows": 7}
    assert rows_in(found, "parts", 2) == [3]
    assert rows_in(found, "parts", 0) == list(range(7))


def test_duplicates_and_overlap(found: Statistics) -> None:
    assert found.rows["duplicates"] == {"exact": 2, "normalised": 4, "groups": 2, "largest": [4, 2]}
    assert rows_in(found, "duplicates", 0) == [0, 2, 3, 4]
    assert rows_in(found, "duplicates", 1) == [1, 5]
    overlap = found.rows["overlap"]
    assert (overlap["exact"], overlap["normalised"]) == (1, 2)
    assert (overlap["exact_share"], overlap["normalised_share"]) == (1 / 3, 2 / 3)
    assert rows_in(found, "overlap", 0) == [4, 0]
    assert rows_in(found, "overlap", 1) == [4, 0, 5, 1]


def test_the_longest_and_shortest_rows_with_their_lines(found: Statistics) -> None:
    assert found.rows["longest"][:3] == [
        {"row": 1, "split": "train", "line": 2, "characters": 13},
        {"row": 5, "split": "validation", "line": 2, "characters": 12},
        {"row": 3, "split": "train", "line": 4, "characters": 11},
    ]
    assert [each["row"] for each in found.rows["shortest"][:4]] == [0, 2, 4, 6]
    assert rows_in(found, "longest", 1) == [5]


def test_columns_of_a_table_and_their_missing_values() -> None:
    rows: list[dict[str, Any]] = [
        {"질문": "하나", "답변": None},
        {"질문": "  ", "답변": ""},
        {"질문": "셋", "나이": 0},
        {"답변": "넷", "나이": None},
    ]
    records = [Record(line, row) for line, row in enumerate(rows, start=2)]
    assert {each["line"] for each in compute(records).rows["longest"]} == {2, 3, 4, 5}
    assert compute(records).rows["columns"] == compute(rows).rows["columns"]
    found = compute(rows)
    assert found.rows["columns"] == [
        {"name": "질문", "missing": 2, "missing_share": 0.5},
        {"name": "답변", "missing": 3, "missing_share": 0.75},
        {"name": "나이", "missing": 3, "missing_share": 0.75},
    ]
    assert [rows_in(found, "missing", number) for number in range(3)] == [[1, 3], [0, 1, 2], [0, 1, 3]]
    assert [part["name"] for part in found.rows["parts"]] == ["질문", "답변"]


def test_plain_text_and_preference_pairs() -> None:
    pair = {
        "messages": [{"role": "user", "content": "질문"}],
        "chosen": [{"role": "assistant", "content": "좋은 답"}],
        "rejected": [{"role": "assistant", "content": "나쁨"}],
    }
    rows: list[dict[str, Any]] = [{"text": "긴 글"}, pair]
    found = compute(rows)
    said = {part["name"]: part["characters"] for part in found.rows["parts"]}
    assert said == {"text": 3, "user": 2, "chosen": 4, "rejected": 2}


def test_examples_of_a_chat_have_an_hour() -> None:
    messages = [{"role": "user", "content": "자?"}, {"role": "assistant", "content": "응"}]
    monday, sunday = datetime(2026, 11, 16, 0, 59), datetime(2026, 11, 22, 23, 0)
    examples = [ChatExample(9, messages, time=time) for time in (monday, sunday, None, sunday)]
    found = compute([*examples, Example(30, messages)])
    assert found.rows["week"][0][0] == 1 and found.rows["week"][6][23] == 2
    assert sum(map(sum, found.rows["week"])) == 3
    assert rows_in(found, "week", 0) == [0]
    assert rows_in(found, "week", 6 * 24 + 23) == [1, 3]


def test_what_is_compared_of_texts() -> None:
    texts = ["가 나, 다!", "ＡＢＣ ①", "...", "a\0b", "", "\u1112\u1161\u11ab"]
    assert compared(texts) == ["가나다", "abc1", "...", "ab", "", "한"]
    assert compared([]) == []
    many = SameTexts()
    for number in range(1201):
        many.add(f"{number % 600}!")
    many.flush()
    assert len(many.numbers) == 1201 and len(set(many.numbers)) == 600


def test_no_rows_and_one_row() -> None:
    nothing = compute([]).rows
    assert nothing["rows"] == 0 and nothing["columns"] == [] and nothing["longest"] == []
    assert nothing["duplicates"] == {"exact": 0, "normalised": 0, "groups": 0, "largest": []}
    assert nothing["overlap"]["exact_share"] is None
    one = compute([], [chat("가", "나")])
    assert one.rows["validation_rows"] == 1 and one.rows["overlap"]["exact_share"] == 0
    assert rows_in(one, "characters", 0) == [0]
    with pytest.raises(IndexError):
        rows_in(one, "characters", 1)


def test_many_columns_and_many_speakers_stay_bounded() -> None:
    found = compute([{f"c{number}": "x" for number in range(row, row + 90)} for row in (0, 50)])
    assert len(found.rows["columns"]) == 100
    assert len(found.rows["parts"]) == 32
    assert sum(part["texts"] for part in found.rows["parts"]) == 180
    assert found.rows["parts"][-1]["name"] == "…"
    assert rows_in(found, "parts", 31) == [0, 1]


def test_groups_found_elsewhere_lead_to_their_rows(found: Statistics) -> None:
    more = found.with_part("rules", groups(["turns", "length"], [[1], [4, 6]]))
    assert rows_in(more, "rules", 1) == [4, 6]
    assert more.as_dict()["rules"]["groups"][1] == {"name": "length", "rows": 2}
