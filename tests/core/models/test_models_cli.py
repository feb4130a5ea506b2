"""`mactuner models` as a person types it: search, info and add against the stand-in of the Hub, and what is on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mactuner_core import jobs
from mactuner_core.models import hub_cache
from tests.core.cli.conftest import Run, run  # noqa: F401 (a fixture)
from tests.core.models.hub_server import SHA, HubServer

AT_LEAST = {"id", "parameters", "bytes", "architecture", "fits"}


def apart(*arguments: str) -> Any:
    """Run the command in a process of its own, where the library reads its settings anew, and return its JSON."""
    command = [sys.executable, "-m", "mactuner_core", "models", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_search_and_info_hold_what_the_contract_says(hub: HubServer) -> None:
    found = apart("search", "tiny", "--korean", "--max-parameters", "1B", "--license", "apache-2.0")
    assert [each["id"] for each in found] == ["tiny/model"]
    assert found[0].keys() >= AT_LEAST
    assert apart("info", "tiny/model").keys() >= AT_LEAST


def test_a_hub_model_is_added_kept_and_deleted(
    hub: HubServer,
    run: Run,  # noqa: F811
    tmp_path: Path,
    own_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = run("models", "add", "old/name", "--detach", "--json").json["job"]
    assert jobs.wait(own_home / "jobs" / job).state == "done"
    added = apart("add", "old/name")  # is there already
    assert (added["id"], added["name"], added["commit"]) == ("model", "tiny/model", SHA)
    monkeypatch.setattr(hub_cache, "cache_folder", lambda: tmp_path / "hf" / "hub")
    [kept] = run("models", "cache", "--json").json
    assert (kept["name"], kept["used_by"], kept["bytes"] > 4_000_000) == ("tiny/model", ["model"], True)
    refused = run("models", "cache", "--delete", "tiny/model", "--yes")
    assert refused.code == 2 and "models remove" in refused.err
    assert run("models", "remove", "model").code == 0
    assert "tiny/model" in run("models", "cache").out
    assert run("models", "cache", "--delete", "tiny/model", "--yes", "--json").json["deleted"] == "tiny/model"
    assert run("models", "cache", "--json").json == []


def test_a_zip_is_added(folder: Path, tmp_path: Path, run: Run) -> None:  # noqa: F811
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert run("models", "add", path, "--name", "mine", "--json").json["source"] == "zip"
    again = run("models", "add", path, "--name", "mine")
    assert again.code == 2 and "mine" in again.err


def test_the_recommended_list_is_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    assert "Qwen/Qwen3-0.6B" in [each["id"] for each in run("models", "recommended", "--json").json]
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("MACTUNER_LANG", "ko")
    assert "카카오" in run("models", "recommended").out


def test_a_wrong_size_is_explained_before_the_hub_is_asked(run: Run) -> None:  # noqa: F811
    wrong = run("models", "search", "tiny", "--max-parameters", "many")
    assert wrong.code == 2 and "500M" in wrong.err


def test_the_hub_switched_off_is_no_wrong_input(run: Run) -> None:  # noqa: F811
    refused = run("models", "search", "tiny")
    assert refused.code == 1 and "HF_HUB_OFFLINE" in refused.err
