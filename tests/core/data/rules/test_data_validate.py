"""`mactuner data validate`: exit code 0 when all pass, 1 when some fail, 2 for wrong input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mactuner_core.catalog import Catalog
from mactuner_core.cli.data_validate import add_to
from mactuner_core.data.importing import import_file
from mactuner_core.errors import InputError
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES

DATA = SAMPLES / "big_five_chatml.jsonl"
RULES = SAMPLES / "big_five_rules.yaml"


def run(*arguments: object) -> Result:
    group = typer.Typer()
    group.callback()(lambda: None)
    add_to(group)
    return CliRunner().invoke(group, ["validate", *map(str, arguments)])


def test_all_pass() -> None:
    result = run(DATA, "--rules", RULES)
    assert result.exit_code == 0, result.output
    assert "All 45 rows" in result.stdout
    counts = json.loads(run(DATA, "--rules", RULES, "--json").stdout)
    assert (counts["rows"], counts["passed"], counts["failed"], counts["failures"]) == (45, 45, 0, [])


def test_some_fail(tmp_path: Path) -> None:
    lines = DATA.read_text("utf-8").splitlines()
    lines[2] = lines[2].replace("## 우호성", "## 친화성")
    lines[4] = "{broken"
    broken = tmp_path / "broken.jsonl"
    broken.write_text("\n".join(lines), "utf-8")
    failed, passed = tmp_path / "failed.jsonl", tmp_path / "passed.jsonl"
    result = run(broken, "--rules", RULES, "--failed-to", failed, "--passed-to", passed)
    assert result.exit_code == 1, result.output
    assert "2 of 45" in result.stdout and "sections" in result.stdout and "친화성" in result.stdout
    assert [json.loads(line)["line"] for line in failed.open()] == [3, 5]
    assert len(passed.read_text("utf-8").splitlines()) == 43
    found = json.loads(run(broken, "--rules", RULES, "--json").stdout)
    assert found["rules"]["sections"] == 1 and found["rules"]["readable"] == 1
    assert found["failures"][0]["failures"][0]["reason"]


def test_a_dataset_names_its_split(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> None:
    import_file(workspace, catalog, DATA, "reports")
    rules = tmp_path / "rules.yaml"
    rules.write_text("forbidden: [성실성]")
    found = json.loads(run("reports", "--rules", rules, "--json").stdout)
    assert found["failed"] == 45
    assert {row["split"] for row in found["failures"]} == {"train", "validation"}
    assert found["failures"][-1]["line"] < 45


@pytest.mark.parametrize(
    ("target", "rules"),
    [("none.jsonl", RULES), ("unknown-dataset", RULES), (DATA, "none.yaml"), (SAMPLES / "kakaotalk_two_people.txt", RULES)],
)  # fmt: skip
def test_wrong_input(target: object, rules: object) -> None:
    assert isinstance(run(target, "--rules", rules).exception, InputError)
