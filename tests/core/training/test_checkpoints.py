"""Checkpoints as folders, what a run was made of, and what is refused when it shall go on; weights to start from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.chat.talk import Sampling, talk_to
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.export.merge import Source, make_merged
from mactuner_core.models.generate import load
from mactuner_core.training import checkpoints, identity, metrics
from mactuner_core.training.base import Base, base_of, own_base
from mactuner_core.training.compare import differences, scores
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.prepare import read_rows
from mactuner_core.training.resume import resume_training
from mactuner_core.training.run import train
from mactuner_core.training.start import start_training
from mactuner_core.training.stats import versions
from mactuner_core.workspace import Workspace
from tests.core.training.conftest import Heard


def checkpoint(run: Path, step: int, eval_loss: float | None = None) -> Path:
    folder = checkpoints.folder_of(run, step)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"w" * step)
    checkpoints.mark_whole(
        folder, step=step, epoch=step / 10, train_loss=1.5, eval_loss=eval_loss, more={"tokens": step}
    )
    return folder


def steps(run: Path) -> list[int]:
    return [found.step for found in checkpoints.all_of(run)]


def test_only_what_is_whole_counts(tmp_path: Path) -> None:
    for step in (20, 3, 100):
        checkpoint(tmp_path, step)
    (checkpoint(tmp_path, 50) / checkpoints.MARK).unlink()
    (checkpoint(tmp_path, 60) / "model.safetensors").write_bytes(b"short")  # as a crash of the machine leaves it
    (checkpoint(tmp_path, 70) / checkpoints.MARK).write_text("{")
    (checkpoint(tmp_path, 80) / "model.safetensors").unlink()
    assert steps(tmp_path) == [3, 20, 100]
    assert checkpoints.find(tmp_path).step == 100
    found = checkpoints.find(tmp_path, 20)
    assert (found.bytes, found.epoch, found.train_loss, found.eval_loss, found.more) == (
        20,
        2.0,
        1.5,
        None,
        {"tokens": 20},
    )
    with pytest.raises(NotFoundError, match="3, 20, 100"):
        checkpoints.find(tmp_path, 50)
    checkpoints.clear_after(tmp_path, 20)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["checkpoint-20", "checkpoint-3"]


def test_the_last_ones_and_the_best_stay(tmp_path: Path) -> None:
    for step, loss in ((1, 3.0), (2, 1.0), (3, None), (4, 1.0), (5, 2.0), (6, None)):
        checkpoint(tmp_path, step, loss)
    assert [found.step for found in checkpoints.all_of(tmp_path) if found.best] == [2]
    checkpoints.keep_last(tmp_path, 2)
    assert steps(tmp_path) == [2, 5, 6]
    checkpoints.delete(tmp_path, 2)
    assert [(found.step, found.best) for found in checkpoints.all_of(tmp_path)] == [(5, True), (6, False)]
    with pytest.raises(InputError, match="no whole checkpoint"):
        checkpoints.find(tmp_path / "nothing")


def test_figures_survive_a_torn_line_and_are_cut_where_a_run_goes_on(tmp_path: Path) -> None:
    assert metrics.read(tmp_path) == []
    metrics.append(tmp_path, kind="metrics", step=1, loss=2.0)
    with (tmp_path / metrics.FILE).open("a") as file:
        file.write('{"kind": "metrics", "st')
    metrics.append(tmp_path, kind="metrics", step=2, loss=1.0)
    metrics.append(tmp_path, kind="fit", batch_size=2)
    metrics.append(tmp_path, kind="metrics", step=3, loss=0.5)
    assert [event.get("step") for event in metrics.read(tmp_path)] == [1, 2, None, 3]
    metrics.cut_after(tmp_path, 2)
    assert [event.get("step") for event in metrics.read(tmp_path)] == [1, 2, None]


def test_a_commit_of_the_hub_is_the_identity_else_the_bytes_are(model: Model, tmp_path: Path) -> None:
    commit = "a" * 40
    snapshot = tmp_path / "models--Qwen--Qwen3" / "snapshots" / commit
    shutil.copytree(model.path, snapshot)
    assert identity.model_identity(Base(model, snapshot)) == commit
    plain = Path(shutil.copytree(snapshot, tmp_path / "plain"))
    first = identity.model_identity(Base(model, plain))
    assert first.startswith("sha256:") and first == identity.model_identity(Base(model, Path(model.path)))
    (plain / "README.md").write_text("words change nothing")
    assert identity.model_identity(Base(model, plain)) == first
    change_a_byte(plain / "model.safetensors")
    assert identity.model_identity(Base(model, plain)) != first


def change_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.fixture
def stopped(workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion, qwen: Path) -> Run:
    """A LoRA run that was stopped after five steps, on a copy of the model that a test may change."""
    own = Path(shutil.copytree(model.path, workspace.models / "own"))
    with catalog.session() as session:
        session.get_one(Model, model.id).path = str(own)
    config = TrainingConfig(
        model=model.id,
        dataset=dataset.id,
        epochs=3,
        learning_rate=1e-3,
        save_steps=2,
        gradient_checkpointing=False,
        keep_checkpoints=20,
    )
    return trained(workspace, catalog, config, "law-lora-1", stop_after=5)


def trained(
    workspace: Workspace, catalog: Catalog, config: TrainingConfig, run_id: str, *, stop_after: int | None = None
) -> Run:
    """Train in this process what the catalogue then knows as a run whose job is gone."""
    base, dataset = base_of(catalog, config.model), catalog.dataset(config.dataset)
    folder = workspace.runs / run_id
    values = config.model_dump(mode="json")
    run = Run(
        id=run_id, model_id=base.model.id, dataset_id=dataset.id, method=config.method, path=str(folder), config=values,
        job_id="train-gone",
    )  # fmt: skip
    folder.mkdir()
    identity.write_once(folder, base, dataset, config.seed, versions())
    rows, validation = (read_rows(dataset, split, "sft") for split in ("train", "validation"))
    try:
        train(config, base.folder, rows, validation, folder, Heard(stop_after), adapter=base.adapter)
    except jobs.JobCancelled:
        assert stop_after
    catalog.add(run)
    return run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What jobs would have been started with."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "mactuner_core.jobs.start", lambda _, kind, spec, **more: found.append({"kind": kind, **spec, **more})
    )
    return found


def test_going_on_gets_a_new_job_and_refuses_what_it_must(
    workspace: Workspace, catalog: Catalog, stopped: Run, started: list[dict[str, Any]]
) -> None:
    folder = Path(stopped.path)
    known = json.loads((folder / "identity.json").read_text(encoding="utf-8"))
    assert (known["model"]["id"], known["dataset"]["id"], known["seed"]) == ("tiny", "law@1", 42)
    assert {"torch", "transformers", "trl", "peft", "mactuner"} <= known["versions"].keys()
    with pytest.raises(NotFoundError, match="2, 4, 5"):
        resume_training(workspace, catalog, stopped.id, 3)
    assert not started
    resumed = resume_training(workspace, catalog, stopped.id)
    assert resumed.job_id != "train-gone" and catalog.run(stopped.id).job_id == resumed.job_id
    assert started[0] == {
        "kind": "train",
        "run": stopped.id,
        "checkpoint": 5,
        "title": stopped.id,
        "job_id": resumed.job_id,
    }
    with pytest.raises(InputError, match="at work"):  # two at once: only the first gets it
        catalog.set_run_job(stopped.id, "train-other", instead_of="train-gone")

    rows = Path(catalog.dataset("law").path) / "train.jsonl"
    content = rows.read_bytes()
    rows.write_bytes(content.replace("조입니다".encode(), "조예요".encode(), 1))
    with pytest.raises(InputError) as raised:
        resume_training(workspace, catalog, stopped.id)
    assert raised.value.code == "resume.other_dataset" and "law@1" in raised.value.text("ko")
    rows.write_bytes(content)
    weights = Path(catalog.model("tiny").path) / "model.safetensors"
    weights.write_bytes(weights.read_bytes())  # touched, but the same
    resume_training(workspace, catalog, stopped.id)
    change_a_byte(weights)
    with pytest.raises(InputError) as raised:
        resume_training(workspace, catalog, stopped.id)
    assert raised.value.code == "resume.other_model"

    for found in checkpoints.all_of(folder):
        checkpoints.delete(folder, found.step)
    with pytest.raises(InputError) as raised:
        resume_training(workspace, catalog, stopped.id)
    assert raised.value.code == "checkpoints.none" and "train --config" in raised.value.text("en")
    (folder / "COMPLETE").touch()
    with pytest.raises(InputError) as raised:
        resume_training(workspace, catalog, stopped.id)
    assert raised.value.code == "resume.finished"


def test_weights_to_start_from(
    workspace: Workspace, catalog: Catalog, stopped: Run, started: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert base_of(catalog, "tiny").adapter is None
    with pytest.raises(InputError, match="law-lora-1@STEP"):
        base_of(catalog, stopped.id)
    for wrong in ("nobody", "nobody@3", "law-lora-1@3", "law-lora-1@x"):
        with pytest.raises(NotFoundError):
            base_of(catalog, wrong)
    base = base_of(catalog, "law-lora-1@4")
    assert base.adapter == checkpoints.find(Path(stopped.path), 4).path and (base.run and base.run.id) == stopped.id

    with talk_to(workspace, catalog, "law-lora-1@4") as talk:
        assert talk([{"role": "user", "content": "1번 조문은?"}], Sampling(4), None).tokens <= 4
    make_merged(Source(base.folder, base.adapter), tmp_path / "merged")
    assert load(tmp_path / "merged").model

    config = TrainingConfig(model="law-lora-1@4", dataset="law", epochs=1, gradient_checkpointing=False, lora_rank=32)
    new = start_training(workspace, catalog, config)
    assert (new.model_id, new.config["model"], new.config["lora_rank"]) == ("tiny", "law-lora-1@4", 8)
    shutil.rmtree(stopped.path)  # the new run keeps what it needs
    kept = own_base(new, catalog.model("tiny"))
    assert kept.adapter and kept.folder == Path(catalog.model("tiny").path)
    rows = read_rows(catalog.dataset("law"), "train", "sft")
    goes_on = TrainingConfig.check(new.config)
    stats = train(goes_on, kept.folder, rows, [], Path(new.path), Heard(), adapter=kept.adapter)
    assert stats["train_loss"] < stats["train_loss_before"]
    over = base_of(catalog, new.id)
    assert (over.folder, over.adapter) == (kept.folder, Path(new.path) / "adapter")

    whole = train(
        goes_on.model_copy(update={"method": "full"}),
        kept.folder,
        rows,
        [],
        tmp_path / "full",
        Heard(),
        adapter=kept.adapter,
    )
    assert whole["train_loss_before"] == pytest.approx(stats["train_loss_before"], abs=1e-4)
    assert load(tmp_path / "full" / "model").model


def test_an_adapter_over_a_full_run_keeps_that_runs_weights(
    workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion, started: list[dict[str, Any]]
) -> None:
    values: dict[str, Any] = {
        "dataset": dataset.id,
        "epochs": 2,
        "learning_rate": 1e-3,
        "gradient_checkpointing": False,
        "keep_checkpoints": 20,
    }
    full = trained(workspace, catalog, TrainingConfig(model=model.id, method="full", save_steps=4, **values), "full-1")
    lora = start_training(workspace, catalog, TrainingConfig(model="full-1@4", **values))
    kept = own_base(lora, model)
    assert kept.folder == Path(lora.path) / "base" / "model" and kept.adapter is None
    names = {file.name for file in kept.folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not names & {"optimizer.pt", "scheduler.pt", "trainer_state.json", checkpoints.MARK}
    assert base_of(catalog, full.id).folder == Path(full.path) / "model"
    rows = read_rows(dataset, "train", "sft")
    train(TrainingConfig.check(lora.config), kept.folder, rows, [], Path(lora.path), Heard())
    found = base_of(catalog, lora.id)
    assert load(found.folder, found.adapter).model
    assert differences([full, lora]) == {
        "model": [model.id, "full-1@4"], "method": ["full", "lora"], "save_steps": [4, None]
    }  # fmt: skip
    assert all(isinstance(value, float) for value in scores([full, lora])["train_loss"])
