"""Removing a dataset version: what goes, what stays usable, what stops it, and a crash in the middle."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.cli.data import commands
from mactuner_core.data.importing import import_file
from mactuner_core.data.recipe import ReadRecipe, Recipe
from mactuner_core.data.removing import remove_version, users_of
from mactuner_core.data.statistics.compute import statistics_of
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.workspace import Workspace, write_json
from tests.conftest import SAMPLES


@pytest.fixture
def version(workspace: Workspace, catalog: Catalog) -> DatasetVersion:
    recipe = Recipe(read=ReadRecipe(system_prompt="You are a lawyer."))
    made = import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "law", recipe)
    statistics_of(made)
    return made


def trained_on(catalog: Catalog, version: DatasetVersion, job_id: str = "j") -> Run:
    facts = {"source": "folder", "path": "/x", "architecture": "Qwen3ForCausalLM", "parameters": 1, "bytes": 1}
    run = Run(id="r", model_id="m", dataset_id=version.id, method="lora", path="/x", config={}, job_id=job_id)
    catalog.add(Model(id="m", name="m", dataset_id=version.id, **facts))
    catalog.add(run)
    return run


def begin(workspace: Workspace, kind: str, spec: dict[str, str]) -> Path:
    """Make the folder of a job whose process is this one."""
    folder = workspace.jobs / f"{kind}-1"
    folder.mkdir()
    write_json(folder / "spec.json", {"kind": kind, "title": "t", "created_at": time.time(), "spec": spec})
    write_json(folder / "process.json", {"pid": os.getpid(), "create_time": psutil.Process().create_time()})
    write_json(folder / "status.json", {"state": "running"})
    return folder


def test_nothing_of_it_is_left(workspace: Workspace, catalog: Catalog, version: DatasetVersion) -> None:
    remove_version(workspace, catalog, "law@1")
    assert not (workspace.datasets / "law").exists()
    assert list(catalog.dataset_versions()) == []
    with pytest.raises(NotFoundError, match="was removed"):
        catalog.dataset("law@1")
    with pytest.raises(NotFoundError, match="no dataset"):
        catalog.dataset("law")
    left = catalog.dataset("law@1", removed=True)
    assert (left.report, left.source_name) == ({}, "")


def test_its_number_does_not_come_again(workspace: Workspace, catalog: Catalog, version: DatasetVersion) -> None:
    remove_version(workspace, catalog, version.id)
    assert import_file(workspace, catalog, SAMPLES / "civil_law_unseen.csv", "law").id == "law@2"
    assert catalog.dataset("law").id == "law@2"


def test_runs_and_models_stay_usable(workspace: Workspace, catalog: Catalog, version: DatasetVersion) -> None:
    run = trained_on(catalog, version)
    users = users_of(workspace, catalog, version)
    assert (users.runs, users.models, users.jobs) == (["r"], ["m"], [])
    remove_version(workspace, catalog, version.id)
    assert catalog.run("r").dataset_id == "law@1"
    left = catalog.dataset(run.dataset_id, removed=True)
    assert (left.train_rows, left.recipe) == (128, {"read": {"system_prompt": "You are a lawyer."}})


@pytest.mark.parametrize(
    ("kind", "spec"), [("train", {"run": "r"}), ("starter", {"dataset": "law"}), ("export", {"imatrix": "law@1"})]
)
def test_a_job_that_reads_it_stops_the_removal(
    workspace: Workspace, catalog: Catalog, version: DatasetVersion, kind: str, spec: dict[str, str]
) -> None:
    trained_on(catalog, version)
    folder = begin(workspace, kind, spec)
    with pytest.raises(InputError, match=f"{kind}-1"):
        remove_version(workspace, catalog, version.id)
    assert Path(version.path, "COMPLETE").is_file()
    write_json(folder / "status.json", {"state": "done"})
    remove_version(workspace, catalog, version.id)


def test_jobs_on_other_versions_do_not_matter(workspace: Workspace, catalog: Catalog, version: DatasetVersion) -> None:
    import_file(workspace, catalog, SAMPLES / "civil_law_unseen.csv", "law")
    begin(workspace, "starter", {"dataset": "law"})
    begin(workspace, "import", {"name": "law@1"})
    remove_version(workspace, catalog, "law@1")
    assert [left.id for left in catalog.dataset_versions()] == ["law@2"]


@pytest.mark.parametrize("removed_folders", [0, 1])
def test_after_a_crash_it_is_listed_and_removed_again(
    workspace: Workspace,
    catalog: Catalog,
    version: DatasetVersion,
    monkeypatch: pytest.MonkeyPatch,
    removed_folders: int,
) -> None:
    calls: list[Path] = []
    really_remove = shutil.rmtree

    def crash(folder: Path) -> None:
        calls.append(folder)
        if len(calls) > removed_folders:
            raise KeyboardInterrupt
        really_remove(folder)

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", crash)
        with pytest.raises(KeyboardInterrupt):
            remove_version(workspace, catalog, version.id)
    assert not Path(version.path).exists(), "never half a version under its own name"
    assert [left.id for left in catalog.dataset_versions()] == [version.id]
    remove_version(workspace, catalog, version.id)
    assert not (workspace.datasets / "law").exists()
    assert list(catalog.dataset_versions()) == []


def test_by_command(workspace: Workspace, catalog: Catalog, version: DatasetVersion) -> None:
    trained_on(catalog, version)
    refused = CliRunner().invoke(commands(), ["remove", "law"])
    assert isinstance(refused.exception, InputError)
    assert "law@1" in refused.exception.text()
    assert Path(version.path).exists()
    done = CliRunner().invoke(commands(), ["remove", "law@1", "--json"])
    assert json.loads(done.stdout) == {"removed": "law@1", "runs": ["r"], "models": ["m"]}
    again = CliRunner().invoke(commands(), ["remove", "law@1"])
    assert isinstance(again.exception, NotFoundError)
