"""`mactuner data stats`, typed as a person would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Model
from mactuner_core.cli.data_stats import add_to, histogram_lines
from mactuner_core.errors import InputError, NotFoundError
from tests.core.data.statistics.conftest import MakeVersion, chat


@pytest.fixture
def dataset(catalog: Catalog, make_version: MakeVersion, words_tokenizer: Path) -> str:
    rows = [
        chat("계약이 성립하려면?", "청약과 승낙이 필요합니다"),
        chat("하나 둘", "셋"),
        {"messages": [], "note": "x"},
    ]
    catalog.add(make_version(rows, [chat("하나 둘", "셋")], name="law"))
    catalog.add(
        Model(
            id="tiny", name="tiny", source="folder", path=str(words_tokenizer), architecture="x", parameters=1, bytes=1
        )
    )
    return "law"


def run(*arguments: str) -> Result:
    app = typer.Typer()
    add_to(app)
    app.callback()(lambda: None)  # with one command only, typer would not ask for its name
    return CliRunner().invoke(app, ["stats", *arguments])


def as_json(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_json_holds_all_figures(dataset: str) -> None:
    found = as_json(dataset, "--model", "tiny", "--max-length", "9")
    assert (found["id"], found["model"]) == ("law@1", "tiny")
    assert found["rows"]["rows"] == 4 and found["rows"]["validation_rows"] == 1
    assert found["rows"]["overlap"]["exact"] == 1
    assert found["rows"]["columns"][0] == {"name": "messages", "missing": 1, "missing_share": 0.25}
    assert found["tokens"]["tokens"]["total"] == 5 + 6 + 9 + 1 + 9
    assert found["max_length"]["rows"] == 1
    assert "words" not in found


def test_to_read(dataset: str) -> None:
    result = run(dataset, "--model", "tiny", "--max-length", "9")
    assert result.exit_code == 0, result.output
    for line in (
        "law@1: 4 rows (3 to train on, 1 to validate with)",
        "A limit of 9 tokens cuts 1 rows (25.0%)",
        "Column messages: 1 rows have no value (25.0%)",
        "1 exactly",
        "train:1 (",
    ):
        assert line in result.stdout
    assert "█" in result.stdout


def test_words_with_the_size_of_the_sample(dataset: str) -> None:
    pytest.importorskip("kiwipiepy")
    assert "in 4 of 4 rows" in run(dataset, "--words").stdout
    words = {word["word"] for word in as_json(dataset, "--words")["words"]["words"]}
    assert {"계약", "승낙"} <= words


def test_what_cannot_be(dataset: str) -> None:
    for arguments, error in (
        ([dataset, "--max-length", "9"], InputError),
        ([dataset, "--model", "none"], NotFoundError),
        (["none"], NotFoundError),
    ):
        assert isinstance(run(*arguments).exception, error)


def test_a_histogram_in_twelve_lines() -> None:
    edges = [*range(0, 250, 10), 1001]
    lines = histogram_lines({"edges": edges, "counts": [1] * 24 + [2], "open_end": True})
    assert len(lines) == 9
    assert lines[0].split() == ["0–29", "█" * 32, "3"]
    assert lines[-1].split()[0] == "240+"
    assert histogram_lines({"edges": [], "counts": [], "open_end": False}) == []
    thin = histogram_lines({"edges": [2, 3, 4], "counts": [1, 1000], "open_end": False})
    assert thin == [f"2 ▏{' ' * 31} 1", f"3 {'█' * 32} 1,000"]
