"""Training as a job in its own process: started, watched, stopped, killed; the workspace stays good."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.errors import InputError, NotFoundError, WorkError
from mactuner_core.training import checkpoints, metrics
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.start import start_training
from mactuner_core.workspace import Workspace, is_complete


def settings(model: Model, dataset: DatasetVersion, epochs: int) -> TrainingConfig:
    return TrainingConfig(
        model=model.id, dataset=dataset.name, method="full", epochs=epochs, gradient_checkpointing=False
    )


def wait_for_steps(folder: Path) -> None:
    for _ in range(600):
        status = jobs.read(folder)
        assert not status.ended, (folder / "log.txt").read_text(encoding="utf-8")
        if status.stage == "training.stage_steps" and status.done >= 1:
            return
        time.sleep(0.1)
    raise AssertionError("no step in a minute")


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


def test_killed_is_lost_and_the_next_run_works(
    workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion
) -> None:
    import os
    import signal

    run = start_training(workspace, catalog, settings(model, dataset, 100))
    folder = workspace.jobs / run.job_id
    wait_for_steps(folder)
    pid = jobs.read(folder).pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert jobs.wait(folder).state == "lost"
    assert not is_complete(Path(run.path))
    again = start_training(workspace, catalog, settings(model, dataset, 1))
    assert again.id == "law-full-2"
    assert jobs.wait(workspace.jobs / again.job_id).state == "done"


def test_stopped_is_cancelled_with_a_checkpoint(
    workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion
) -> None:
    run = start_training(workspace, catalog, settings(model, dataset, 100))
    folder = workspace.jobs / run.job_id
    wait_for_steps(folder)
    jobs.request_stop(folder)
    assert jobs.wait(folder).state == "cancelled"
    assert len(checkpoints.all_of(Path(run.path))) == 1
    assert not is_complete(Path(run.path))


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
