"""Training as a job in its own process: started, watched, stopped, killed; the workspace stays good."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.errors import InputError, NotFoundError, WorkError
from mactuner_core.training import checkpoints, metrics
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.prepare import read_rows
from mactuner_core.training.resume import resume_training
from mactuner_core.training.run import train
from mactuner_core.training.start import start_training
from mactuner_core.workspace import Workspace, is_complete
from tests.core.training.conftest import Heard
from tests.core.training.test_resume import losses


def settings(model: Model, dataset: DatasetVersion, epochs: int) -> TrainingConfig:
    return TrainingConfig(
        model=model.id, dataset=dataset.name, method="full", epochs=epochs, gradient_checkpointing=False
    )


def wait_for_checkpoint(folder: Path, run_folder: Path, after: int = 0) -> int:
    """Return the pid of the job once the run has a whole checkpoint after the step `after`."""
    for _ in range(1200):
        status = jobs.read(folder)
        assert not status.ended, (folder / "log.txt").read_text(encoding="utf-8")
        if any(checkpoint.step > after for checkpoint in checkpoints.all_of(run_folder)):
            assert status.pid
            return status.pid
        time.sleep(0.05)
    raise AssertionError("no checkpoint in a minute")


def test_a_run_goes_from_start_to_a_finished_folder(
    workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion
) -> None:
    run = start_training(workspace, catalog, settings(model, dataset, 1))
    assert (run.id, run.dataset_id, run.config["dataset"]) == ("law-full-1", "law@1", "law@1")
    status = jobs.wait(workspace.jobs / run.job_id)
    assert status.state == "done", (status.folder / "log.txt").read_text(encoding="utf-8")
    assert status.result["run"] == run.id
    assert status.result["train_loss"] < status.result["train_loss_before"]
    assert is_complete(Path(run.path))
    events = metrics.read(Path(run.path))
    assert any("loss" in event for event in events) and any("eval_loss" in event for event in events)
    card = (Path(run.path) / "README.md").read_text(encoding="utf-8")
    made_of = json.loads((Path(run.path) / "identity.json").read_text(encoding="utf-8"))
    assert made_of["model"]["identity"] in card and made_of["dataset"]["train_sha256"] in card
    assert str(workspace.root) not in card, "a path of this machine is nobody else's business"
    assert (Path(run.path) / "model" / "README.md").read_text(encoding="utf-8") == card
    stats = json.loads((Path(run.path) / "training_stats.json").read_text(encoding="utf-8"))
    assert stats == {name: value for name, value in status.result.items() if name != "run"}


def test_ended_politely_then_killed_the_run_is_finished_all_the_same(
    workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion, tmp_path: Path
) -> None:
    config = settings(model, dataset, 40).model_copy(update={"save_steps": 20, "learning_rate": 1e-3})
    run = start_training(workspace, catalog, config)
    folder, run_folder = workspace.jobs / run.job_id, Path(run.path)
    os.kill(wait_for_checkpoint(folder, run_folder), signal.SIGTERM)
    assert jobs.wait(folder).state == "cancelled"
    stopped_at = checkpoints.find(run_folder).step
    assert stopped_at > 20, "a stop saves before it leaves"

    folder = workspace.jobs / resume_training(workspace, catalog, run.id).job_id
    with pytest.raises(InputError, match="at work"):
        resume_training(workspace, catalog, run.id)
    os.kill(wait_for_checkpoint(folder, run_folder, after=stopped_at), signal.SIGKILL)
    assert jobs.wait(folder).state == "lost"
    killed_at = checkpoints.find(run_folder).step
    assert killed_at > stopped_at and not is_complete(run_folder)

    status = jobs.wait(workspace.jobs / resume_training(workspace, catalog, run.id).job_id)
    assert status.state == "done", (status.folder / "log.txt").read_text(encoding="utf-8")
    assert (status.result["resumed"], status.result["run"]) == ([stopped_at, killed_at], run.id)
    assert is_complete(run_folder)

    # the same settings in Python make the same run, and nothing of the two ends is seen in its curve
    rows, validation = (read_rows(dataset, split, "sft") for split in ("train", "validation"))
    again = TrainingConfig.from_yaml(run_folder / "config.yaml")
    train(again, Path(model.path), rows, validation, tmp_path / "again", Heard())
    for name in ("loss", "eval_loss"):
        assert losses(run_folder, name) == pytest.approx(losses(tmp_path / "again", name), abs=1e-5)


def test_what_can_be_refused_is_refused_before_the_job(
    workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(model, dataset, 1)
    with pytest.raises(NotFoundError):
        start_training(workspace, catalog, config.model_copy(update={"model": "nobody"}))
    with pytest.raises(NotFoundError):
        start_training(workspace, catalog, config.model_copy(update={"dataset": "nothing"}))
    monkeypatch.setattr("mactuner_core.training.start.needed_bytes", lambda *_: 10**18)
    with pytest.raises(WorkError) as raised:
        start_training(workspace, catalog, config)
    assert raised.value.code == "workspace.disk_full"
    assert not catalog.runs() and not list(workspace.jobs.iterdir()) and not list(workspace.runs.iterdir())


def test_a_model_without_a_template_is_refused(
    workspace: Workspace, catalog: Catalog, qwen: Path, dataset: DatasetVersion, tmp_path: Path
) -> None:
    import json
    import shutil

    from mactuner_core.models.folder import add_folder

    folder = Path(shutil.copytree(qwen, tmp_path / "plain"))
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    plain = add_folder(workspace, catalog, folder)
    with pytest.raises(InputError, match="chat template"):
        start_training(workspace, catalog, settings(plain, dataset, 1))
