"""Every layout, read from files as people have them; what must come out was written by hand beside each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.data.kakaotalk.chat import Chat
from mactuner_core.data.kakaotalk.parse import parse
from mactuner_core.data.text_file import read_text_file
from tests.conftest import SAMPLES

FIXTURES = Path(__file__).parent / "fixtures"
FILES = sorted(path for path in FIXTURES.iterdir() if path.suffix != ".json")


def read(path: Path) -> Chat:
    return parse(read_text_file(path))


def messages(chat: Chat) -> list[list[object]]:
    rows = chat.messages
    return [[row.line, row.time and row.time.isoformat(), row.sender, row.kind, row.text] for row in rows]


def expected(path: Path) -> dict[str, Any]:
    wanted: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return wanted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_layout_is_read_exactly(path: Path) -> None:
    chat, wanted = read(path), expected(path)
    assert messages(chat) == wanted["messages"]
    assert chat.speakers == wanted["speakers"]
    assert chat.layout.name == wanted["layout"]
    assert chat.title == wanted["title"]
    assert (chat.saved_at and chat.saved_at.isoformat()) == wanted["saved_at"]
    assert [[problem.line, problem.code] for problem in chat.problems] == wanted["problems"]
    assert sum(chat.kinds.values()) == len(chat.messages)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encoding_line_ends_and_name_change_nothing(tmp_path: Path, path: Path, ends: str, encoding: str) -> None:
    text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    copy = tmp_path / "이름 없는 파일.dat"
    copy.write_bytes(text.replace("\n", ends).encode(encoding))
    chat = read(copy)
    assert messages(chat) == expected(path)["messages"]
    assert chat.encoding == encoding


def test_cp949(tmp_path: Path) -> None:
    path, copy = FIXTURES / "windows_ko.txt", tmp_path / "cp949.txt"
    copy.write_bytes(path.read_text(encoding="utf-8").encode("cp949"))
    chat = read(copy)
    assert messages(chat) == expected(path)["messages"]
    assert chat.encoding == "cp949"


def test_the_sample_chat() -> None:
    chat = read(SAMPLES / "kakaotalk_two_people.txt")
    assert len(chat.messages) == 703
    assert chat.speakers == {"이지은": 372, "김민수": 331}
    assert len({message.time.date() for message in chat.messages if message.time}) == 15
    assert chat.problems == []
    assert (chat.layout.name, chat.title) == ("windows_ko", "이지은")
