"""`mactuner data parse`: JSON lines for programs, a listing for people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mactuner_core.cli.data_parse import add_to
from mactuner_core.errors import InputError
from tests.conftest import SAMPLES

SAMPLE = str(SAMPLES / "kakaotalk_two_people.txt")


def app() -> typer.Typer:
    group = typer.Typer()
    group.callback()(lambda: None)
    add_to(group)
    return group


def test_json_lines() -> None:
    result = CliRunner().invoke(app(), ["parse", SAMPLE, "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert len(rows) == 703
    assert rows[0] == {
        "time": "2026-09-03T07:48:00",
        "sender": "이지은",
        "kind": "text",
        "text": "민수야 일어났어?",
        "line": 5,
    }
    assert "703 messages" in result.stderr


def test_a_listing() -> None:
    result = CliRunner().invoke(app(), ["parse", SAMPLE])
    lines = result.stdout.splitlines()
    assert lines[:3] == ["", "2026-09-03", "  07:48  이지은: 민수야 일어났어?"]
    assert "  07:55  이지은 [photo]: 사진" in lines


def test_problems_go_to_stderr(tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    path.write_text("[나] [9:00] 날짜 없음\n[너] [9:01] 그러게\n", encoding="utf-8")
    result = CliRunner().invoke(app(), ["parse", str(path), "--json"])
    assert json.loads(result.stdout.splitlines()[0])["time"] is None
    assert "no date line comes before" in result.stderr


def test_a_file_that_is_no_chat() -> None:
    result = CliRunner().invoke(app(), ["parse", str(SAMPLES / "civil_law_qa.csv")])
    assert isinstance(result.exception, InputError)
    with pytest.raises(InputError, match="not a KakaoTalk export"):
        raise result.exception
