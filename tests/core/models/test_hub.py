"""The real huggingface_hub client against a stand-in of the Hub, in processes of its own: it reads its settings at import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.errors import InputError, error_from_dict
from mactuner_core.models.hub import start_download
from mactuner_core.workspace import Workspace
from tests.core.models.hub_server import HubServer, hub_server
from tests.tiny_models import tiny_qwen3

SEARCH = """
import json, sys
from mactuner_core.errors import MacTunerError
from mactuner_core.models.hub import search
try:
    print(json.dumps([model.as_dict() for model in search(sys.argv[1])]))
except MacTunerError as problem:
    print(json.dumps(problem.as_dict()))
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("hub") / "model")


@pytest.fixture
def hub(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    with hub_server(folder) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.delenv("HTTP_PROXY", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


def searched(query: str) -> Any:
    done = subprocess.run([sys.executable, "-c", SEARCH, query], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def download(workspace: Workspace, catalog: Catalog, repo: str, token: str | None = None) -> jobs.JobStatus:
    return jobs.wait(workspace.jobs / start_download(workspace, catalog, repo, token))


def test_search_tells_a_few_facts(hub: HubServer) -> None:
    assert searched("tiny") == [
        {
            "id": "tiny/model", "downloads": 12, "likes": 3, "parameters": 99, "gated": False,
            "license": "apache-2.0", "updated": "2026-01-02T03:04:05+00:00",
        }
    ]  # fmt: skip
    assert searched("nothing of the kind") == []


def test_without_a_network_search_says_so(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert searched("tiny")["code"] == "models.hub_unreachable"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert searched("tiny")["code"] == "models.hub_offline_mode"


def test_a_download_becomes_a_model(hub: HubServer, workspace: Workspace, catalog: Catalog, folder: Path) -> None:
    status = download(workspace, catalog, "tiny/model", token="hf_secret")
    assert status.state == "done", (status.folder / "log.txt").read_text(encoding="utf-8")
    model = catalog.model(status.result["id"])
    assert (model.id, model.name, model.source) == ("model", "tiny/model", "hub")
    got = {file.name for file in Path(model.path).iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= got <= {file.name for file in folder.iterdir()}
    assert ("/api/models/tiny/model", "Bearer hf_secret") in hub.asked
    written = [file for file in workspace.root.rglob("*") if file.is_file()]
    assert not [file for file in written if b"hf_secret" in file.read_bytes()]
    assert download(workspace, catalog, "tiny/model").result == {"id": "model"}


@pytest.mark.parametrize(
    ("repo", "token", "code"),
    [
        ("some/missing", None, "models.hub_not_found"),
        ("some/private", None, "models.hub_not_found"),
        ("some/gated", "hf_x", "models.hub_gated"),
        ("some/forbidden", "hf_x", "models.hub_token"),
        ("some/broken", None, "models.hub_failed"),
        ("some/pickle", None, "models.hub_no_safetensors"),
    ],
)
def test_each_refusal_is_named(
    hub: HubServer, workspace: Workspace, catalog: Catalog, repo: str, token: str | None, code: str
) -> None:
    status = download(workspace, catalog, repo, token)
    assert status.state == "failed" and status.error
    assert status.error["code"] == code, (status.folder / "log.txt").read_text(encoding="utf-8")
    for language in ("ko", "en"):
        assert error_from_dict(status.error).text(language)
    assert not catalog.models()


@pytest.mark.parametrize("repo", ["", "Qwen", "a/b/c", "../../etc", "http://x/y", "a b/c"])
def test_what_is_no_id_starts_no_job(workspace: Workspace, catalog: Catalog, repo: str) -> None:
    with pytest.raises(InputError, match="owner/name"):
        start_download(workspace, catalog, repo)
    assert not list(workspace.jobs.iterdir())


def test_environment_of_the_tests_is_offline() -> None:
    assert os.environ["HF_HUB_OFFLINE"] == "1"
