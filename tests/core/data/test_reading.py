"""Every kind of file and every shape of row that people bring."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mactuner_core.data.inspect import Inspection, inspect_file
from mactuner_core.data.recipe import ReadRecipe, Recipe
from mactuner_core.errors import InputError, WorkError

QUESTION = {"role": "user", "content": "성년은 몇 살인가요?"}
ANSWER = {"role": "assistant", "content": "19세입니다."}
CHAT = [QUESTION, ANSWER]
Q, A = QUESTION["content"], ANSWER["content"]


def look(tmp_path: Path, name: str, content: str | bytes) -> Inspection:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return inspect_file(path)


def jsonl(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        ({"messages": CHAT}, "messages"),
        ({"messages": [QUESTION | {"content": [{"type": "text", "text": Q}]}, ANSWER]}, "messages"),
        ({"conversations": [{"from": "human", "value": Q}, {"from": "gpt", "value": A}]}, "sharegpt"),
        ({"conversations": CHAT}, "sharegpt"),
        ({"instruction": Q, "input": "", "output": A}, "alpaca"),
        ({"prompt": Q, "completion": A}, "question_answer"),
        ({"question": Q, "answer": A, "id": 7}, "question_answer"),
        ({"질문": Q, "답변": A}, "question_answer"),
        ({"고객": Q, "상담사": A}, "question_answer"),
    ],
)
def test_every_chat_shape_becomes_the_same_messages(tmp_path: Path, row: dict[str, Any], shape: str) -> None:
    found = look(tmp_path, "a.jsonl", jsonl(row))
    assert (found.shape, found.reading.format) == (shape, "jsonl")
    assert found.preview() == [CHAT]


def test_alpaca_with_input_system_and_history(tmp_path: Path) -> None:
    row = {"instruction": "답해", "input": Q, "output": A, "system": "짧게", "history": [["안녕", "네"]]}
    roles = [(m["role"], m["content"]) for m in look(tmp_path, "a.jsonl", jsonl(row)).preview()[0]]
    said = [("system", "짧게"), ("user", "안녕"), ("assistant", "네"), ("user", f"답해\n{Q}"), ("assistant", A)]
    assert roles == said


def test_tool_calls_are_kept(tmp_path: Path) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "age", "arguments": "{}"}}
    messages = [
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "19", "tool_call_id": "1"},
        ANSWER,
    ]
    row = look(tmp_path, "a.jsonl", jsonl({"messages": messages, "tools": [{"type": "function"}]})).examples[0].as_row()
    assert row["messages"][1]["tool_calls"] == [call]
    assert row["messages"][2]["tool_call_id"] == "1"
    assert row["tools"] == [{"type": "function"}]


def test_preference_pairs_are_kept(tmp_path: Path) -> None:
    rows = [{"prompt": Q, "chosen": A, "rejected": "몰라요"}, {"prompt": Q, "chosen": A, "rejected": A}]
    found = look(tmp_path, "a.jsonl", jsonl(*rows))
    assert found.shape == "preference"
    row = found.examples[0].as_row()
    assert row["chosen"] == CHAT and row["rejected"][-1]["content"] == "몰라요"
    assert [r.code for r in found.rejected] == ["data.row_same_sides"]


def test_plain_text_is_cut_at_blank_lines(tmp_path: Path) -> None:
    found = look(tmp_path, "a.txt", "첫 문단입니다.\n이어집니다.\n\n\n둘째, 문단입니다.\n")
    assert (found.shape, found.reading.format) == ("text", "text")
    assert [(e.line, e.other["text"]) for e in found.examples] == [
        (1, "첫 문단입니다.\n이어집니다."),
        (5, "둘째, 문단입니다."),
    ]


def test_a_json_list_and_a_json_object_with_a_list(tmp_path: Path) -> None:
    rows = [{"question": Q, "answer": A}]
    assert look(tmp_path, "a.json", json.dumps(rows)).preview() == [CHAT]
    assert look(tmp_path, "b.json", json.dumps({"version": 1, "data": rows}, indent=2)).preview() == [CHAT]


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 3"):
        look(tmp_path, "a.json", '[\n{"question": "a", "answer": "b"},\n{"question": }\n]')


def test_one_broken_line_in_many(tmp_path: Path) -> None:
    lines = [json.dumps({"messages": [QUESTION | {"content": str(number)}, ANSWER]}) for number in range(5000)]
    lines[4710] = lines[4710][:-5]
    found = look(tmp_path, "a.jsonl", "\n".join(lines))
    assert found.usable == 4999
    assert [(row.line, row.code) for row in found.rejected] == [(4711, "data.row_bad_json")]


def parquet(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def test_parquet_by_content_and_not_by_name(tmp_path: Path) -> None:
    content = parquet([{"질문": Q, "답변": A}, {"질문": "둘", "답변": None}])
    found = look(tmp_path, "a.csv", content)
    assert found.reading.format == "parquet"
    assert found.preview() == [CHAT]
    assert [(row.line, row.code) for row in found.rejected] == [(2, "data.row_empty_cell")]


def test_half_a_parquet_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Parquet file is damaged"):
        look(tmp_path, "a.parquet", parquet([{"질문": Q, "답변": A}] * 1000)[:-20])


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return file.getvalue()


CSV = f"질문,답변\n{Q},{A}\n".encode()


def test_a_zipped_file_is_read(tmp_path: Path) -> None:
    content = zipped(data__csv=CSV, photo__jpg=b"\xff\xd8\xff")
    assert look(tmp_path, "a.zip", content).preview() == [CHAT]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(data__csv=CSV)[:-30], "broken or cut off"),
        (zipped(a__csv=CSV, b__csv=CSV), "exactly one data file.*found 2: a.csv, b.csv"),
        (zipped(photo__jpg=b"x"), "found 0"),
        (zipped(data__csv=b"a,b\n" + b"0" * 100_000_000), "ZIP bomb"),
        (zipped(**{"[Content_Types]__xml": b"<x/>", "xl/sheet1__xml": b"<x/>"}), "XLSX"),
    ],
)
def test_bad_archives_say_why(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        look(tmp_path, "renamed.csv", content)


def test_utf16_without_a_mark(tmp_path: Path) -> None:
    found = look(tmp_path, "a.csv", CSV.decode().encode("utf-16-le"))
    assert found.reading.encoding == "utf-16-le"
    assert found.preview() == [CHAT]


def test_a_column_of_nothing(tmp_path: Path) -> None:
    found = look(tmp_path, "a.csv", "질문,답변,메모\na,,\nb,,\n")
    assert found.usable == 0
    assert found.reasons == {"data.row_empty_cell": 2}


def test_images_in_messages_are_refused(tmp_path: Path) -> None:
    part = {"type": "image_url", "image_url": {"url": "x"}}
    found = look(tmp_path, "a.jsonl", jsonl({"messages": [QUESTION | {"content": [part]}, ANSWER]}))
    assert [(row.code, row.values["found"]) for row in found.rejected] == [("data.row_bad_content", "image_url")]


def test_columns_named_by_the_person(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"번호,왼쪽,오른쪽\n1,{Q},{A}\n", encoding="utf-8")
    with pytest.raises(InputError, match="--question-column"):
        inspect_file(path)
    recipe = Recipe(read=ReadRecipe(question_column="왼쪽", answer_column="오른쪽"))
    assert inspect_file(path, recipe).preview() == [CHAT]


def test_a_file_of_two_encodings_loses_only_what_is_in_neither(tmp_path: Path) -> None:
    lines = [f"질문{number},답{number}" for number in range(40)]
    encoded = [line.encode("cp949" if number % 3 == 0 else "utf-8") for number, line in enumerate(lines)]
    encoded[7] = b"\xff\xff,x"
    found = look(tmp_path, "a.csv", b"\n".join(["질문,답변".encode(), *encoded]))
    assert found.reading.encoding == "utf-8+cp949"
    assert found.usable == 39
    assert [(row.line, row.code) for row in found.rejected] == [(9, "data.row_undecodable")]
    assert found.examples[3].messages[1]["content"] == "답3"


def test_a_file_of_more_than_two_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(2 * 10**9 + 1)  # takes no room on the disk
    with pytest.raises(InputError, match=r"up to 2\.0 GB can be read"):
        inspect_file(path)


def test_a_file_for_which_the_memory_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(2 * 10**8)
    monkeypatch.setattr("mactuner_core.data.text_file.available_memory_bytes", lambda: 10**9)
    with pytest.raises(WorkError, match=r"1\.6 GB of memory and 1\.0 GB are free"):
        inspect_file(path)
