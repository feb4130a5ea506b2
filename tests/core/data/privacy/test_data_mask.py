"""The command: bytes in, bytes out, offsets as JSON, input that is not UTF-8."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mactuner_core.cli.data_mask import add_to
from mactuner_core.errors import InputError


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    add_to(app)
    return app


def test_standard_input_to_standard_output(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--name", "김민수"], input="민수야\r\n010-1234-5678\n".encode())
    assert result.exit_code == 0
    assert result.stdout_bytes.decode() == "[이름]야\r\n[전화번호]\n"
    assert "Phone numbers 1" in result.stderr
    assert "010" not in result.stderr


def test_json_has_offsets_into_the_input(app: typer.Typer) -> None:
    text = "😀 민수야 010-1234-5678"
    result = CliRunner().invoke(app, ["--json", "--name", "민수"], input=text.encode())
    data = json.loads(result.stdout)
    assert data["text"] == "😀 [이름]야 [전화번호]"
    assert [(text[s["start"] : s["end"]], s["kind"]) for s in data["spans"]] == [
        ("민수", "name"),
        ("010-1234-5678", "phone"),
    ]


def test_a_file_in_cp949(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    path.write_bytes("전화 02-123-4567".encode("cp949"))
    assert CliRunner().invoke(app, [str(path)]).stdout == "전화 [전화번호]"


def test_nothing_in_nothing_out(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--json"], input=b"")
    assert json.loads(result.stdout) == {"text": "", "spans": []}


def test_input_that_is_not_utf8_is_refused(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, [], input="좋아\n번호".encode() + b"\n\xb9\xf8")
    assert isinstance(result.exception, InputError)
    assert "line 3 holds the byte 0xb9" in str(result.exception)
