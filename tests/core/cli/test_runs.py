"""Runs on the command line: stopped, resumed, repeated from their file, compared; their checkpoints asked and deleted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.training import checkpoints
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.core.cli.conftest import Run
from tests.core.training.test_resume import losses
from tests.tiny_models import tiny_qwen3

SETTINGS = """
model: tiny
dataset: law
method: lora
epochs: 6
batch_size: 16
learning_rate: 0.001
save_steps: 10
save_best: false
keep_checkpoints: 20
gradient_checkpointing: false
"""


def test_a_run_stopped_resumed_repeated_and_compared(
    run: Run, workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    run("data", "import", SAMPLES / "civil_law_qa.csv", "--name", "law")
    run("models", "add", tiny_qwen3(tmp_path / "tiny"), "--name", "tiny")
    (tmp_path / "run.yaml").write_text(SETTINGS, encoding="utf-8")
    first = run("train", "--config", tmp_path / "run.yaml", "--detach", "--json").json["run"]
    folder = Path(catalog.run(first).path)
    limit = time.monotonic() + 90
    while not checkpoints.all_of(folder):
        assert time.monotonic() < limit
        time.sleep(0.05)
    assert run("runs", "stop", first, "--json").json["state"] == "cancelled"
    stopped_at = checkpoints.find(folder).step

    unknown = run("runs", "resume", first, "--checkpoint", "9999")
    assert (
        unknown.code == 2 and f"10, {stopped_at}" in unknown.err.replace("20, ", "") and "Traceback" not in unknown.err
    )
    resumed = run("runs", "resume", first, "--json")
    assert resumed.code == 0, resumed.err
    assert (resumed.json["run"], resumed.json["resumed"], resumed.json["steps"]) == (first, [stopped_at], 48)
    assert f"from step {stopped_at}" in resumed.err
    assert run("runs", "resume", first).code == 2, "it is finished"

    second = run("train", "--config", folder / "config.yaml", "--json")
    assert second.code == 0, second.err
    assert losses(Path(catalog.run(second.json["run"]).path)) == pytest.approx(losses(folder), abs=1e-5)
    compared = run("runs", "compare", first, second.json["run"], "--json").json
    assert compared["settings"] == {}
    assert compared["scores"]["train_loss"][0] == pytest.approx(compared["scores"]["train_loss"][1], abs=1e-4)
    assert second.json["run"] in run("runs", "compare", first, second.json["run"]).out

    listed = run("runs", "checkpoints", first, "--json").json
    assert {"step", "train_loss", "eval_loss", "bytes", "best"} <= listed[0].keys()
    assert sum(found["best"] for found in listed) == 1
    asked = run("ask", "성년은?", "--model", f"{first}@10", "--max-tokens", "3", "--json")
    assert asked.code == 0 and asked.json["tokens"] <= 3
    assert "10" in run("runs", "checkpoints", first, "--delete", "10").out
    assert run("ask", "성년은?", "--model", f"{first}@10").code == 2
    assert run("runs", "remove", first, "--json").json == {"removed": first}
    assert not folder.exists()
