"""Synthesis through our own server, over a tiny model that knows nothing and answers with nonsense."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.data.synthesis.start import start_synthesis
from mactuner_core.workspace import Workspace
from tests.core.data.synthesis.conftest import MakeRecipe
from tests.serving.conftest import Running, running
from tests.tiny_models import tiny_qwen3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    from mactuner_core.export.convert import merge_and_convert
    from mactuner_core.export.merge import Source

    folder = tiny_qwen3(tmp_path_factory.mktemp("tiny") / "model", vocabulary=500)
    gguf = folder.parent / "tiny-F16.gguf"
    merge_and_convert(Source(folder), gguf, scratch=folder.parent / "scratch", name="tiny")
    with running({"model": str(gguf), "port": 0, "n_threads": 1}) as one:
        yield one


def test_nonsense_is_counted_and_the_budget_kept(
    server: Running, recipe: MakeRecipe, workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    gold = tmp_path / "short.jsonl"
    turns = [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]
    gold.write_text(json.dumps({"messages": turns}))
    used = recipe(
        f"{server.url}/v1",
        model=server.name,
        gold=str(gold),
        prompt="{examples} {count}",
        max_tokens=20,
        token_budget=600,
    )
    status = jobs.wait(workspace.jobs / start_synthesis(workspace, catalog, used))
    result = status.result
    assert status.state == "done", (status.folder / "log.txt").read_text()
    assert result["accepted"] == 0 and result["requests"] >= 1
    assert sum(result["refused"].values()) == result["requests"]
    assert result["stopped_by"] in ("budget", "fruitless")
    assert 0 < result["tokens"] <= 600


def test_a_model_the_server_does_not_have(
    server: Running, recipe: MakeRecipe, workspace: Workspace, catalog: Catalog
) -> None:
    status = jobs.wait(
        workspace.jobs / start_synthesis(workspace, catalog, recipe(f"{server.url}/v1", model="unknown"))
    )
    assert status.state == "failed" and status.error and status.error["code"] == "synthesis.not_found"
