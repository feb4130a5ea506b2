"""`mactuner data synthesize`: recipe in, rows out, exit code 1 when there is none, resume after a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mactuner_core import jobs
from mactuner_core.cli.data_synthesize import add_to
from mactuner_core.errors import InputError, MacTunerError
from mactuner_core.workspace import Workspace
from tests.core.data.synthesis.conftest import MakeRecipe, Serve
from tests.core.data.synthesis.scripted_server import Answer, fresh_rows


def run(*arguments: object) -> Result:
    group = typer.Typer()
    group.callback()(lambda: None)
    add_to(group)
    return CliRunner().invoke(group, ["synthesize", *map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recipe.yaml"


def test_rows_in_a_file(serve: Serve, recipe: MakeRecipe, file: Path, tmp_path: Path) -> None:
    file.write_text(recipe(serve(fresh_rows())).to_yaml(), "utf-8")
    out = tmp_path / "new.jsonl"
    result = run("--recipe", file, "--out", out, "--set", "count=3")
    assert result.exit_code == 0, result.output
    assert "3 of 3 new rows" in result.stdout and "marked as synthetic" in result.stdout
    assert len(out.read_text("utf-8").splitlines()) == 3
    found = json.loads(run("--recipe", file, "--set", "count=2", "--json").stdout)
    assert found["accepted"] == 2 and found["tokens"] == 150


def test_no_row_is_a_failure_with_its_reasons(serve: Serve, recipe: MakeRecipe, file: Path) -> None:
    file.write_text(recipe(serve(lambda *_: Answer("no"))).to_yaml(), "utf-8")
    result = run("--recipe", file)
    assert result.exit_code == 1
    assert "no valid JSON" in result.stdout and "--resume synthesize-" in " ".join(result.stdout.split())


def test_a_failure_says_how_to_go_on(serve: Serve, recipe: MakeRecipe, file: Path) -> None:
    fresh = fresh_rows()
    server = serve(lambda number, asked: Answer("no", status=401) if number == 2 else fresh(number, asked))
    file.write_text(recipe(server, count=6, concurrency=1).to_yaml(), "utf-8")
    result = run("--recipe", file)
    assert isinstance(result.exception, MacTunerError) and "MACTUNER_SYNTHESIS_API_KEY" in str(result.exception)
    assert "4 rows are kept" in result.stderr
    name = result.stderr.split("--resume ")[1].split()[0]
    again = json.loads(run("--resume", name, "--json").stdout)
    assert again["accepted"] == 6


def test_detached(serve: Serve, recipe: MakeRecipe, file: Path, workspace: Workspace) -> None:
    file.write_text(recipe(serve(fresh_rows()), count=2).to_yaml(), "utf-8")
    found = json.loads(run("--recipe", file, "--detach", "--json").stdout)
    assert jobs.wait(workspace.jobs / found["job"]).result["accepted"] == 2


def test_wrong_input(file: Path, tmp_path: Path) -> None:
    file.write_text("base_url: nowhere\nmodel: m\ngold: g\napi_key: secret\n", "utf-8")
    for arguments in (
        (),
        ("--recipe", file, "--resume", "x"),
        ("--recipe", tmp_path / "none"),
        ("--recipe", file),
        ("--resume", "x"),
    ):
        assert isinstance(run(*arguments).exception, InputError)
