"""How a run ends other than by its last step: no better any more, a broken loss, a full disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.errors import WorkError
from mactuner_core.models.generate import load
from mactuner_core.training import checkpoints, metrics
from mactuner_core.training.broken_loss import check_loss
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.rows import Prepared
from mactuner_core.training.run import train
from mactuner_core.workspace import is_complete
from tests.core.training.conftest import ROWS, Heard

NAN = float("nan")


def settings(**values: Any) -> TrainingConfig:
    base = {"model": "m", "dataset": "d", "method": "full", "epochs": 4, "learning_rate": 1e-3, "batch_size": 8}
    return TrainingConfig.check(base | {"gradient_checkpointing": False} | values)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_that_gets_no_better_ends_with_its_best_weights(
    method: str, qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mactuner_core.training.trainer import Trainer

    inner = Trainer.evaluate

    def evaluate(self: Trainer, *given: Any, **more: Any) -> dict[str, float]:
        self.worse = 10.0 if self.state.global_step > 4 else 0.0  # after step 4 validation seems to get worse
        found: dict[str, float] = inner(self, *given, **more)
        return found

    real = Trainer.compute_loss

    def compute_loss(self: Trainer, model: Any, *given: Any, **more: Any) -> Any:
        return real(self, model, *given, **more) + (0.0 if model.training else self.worse)

    monkeypatch.setattr(Trainer, "evaluate", evaluate)
    monkeypatch.setattr(Trainer, "compute_loss", compute_loss)
    config = settings(method=method, early_stopping_patience=2, eval_steps=2, keep_checkpoints=1, epochs=20)
    stats = train(config, qwen, ROWS[:16], ROWS[16:], tmp_path / "run", Heard())
    assert (stats["stopped_early"], stats["steps"], stats["weights_step"]) == (True, 8, 4)
    found = checkpoints.all_of(tmp_path / "run")
    assert [(one.step, one.best) for one in found] == [(4, True)]
    end = tmp_path / "run" / ("model" if method == "full" else "adapter")
    same = found[0].path
    models = [load(path) if method == "full" else load(qwen, path) for path in (end, same)]
    for one, other in zip(models[0].model.parameters(), models[1].model.parameters(), strict=True):
        assert (one - other).abs().max() < 1e-6


@pytest.mark.parametrize("best", [True, False])
def test_the_best_checkpoint_is_kept_beside_the_last_ones(best: bool, qwen: Path, tmp_path: Path) -> None:
    config = settings(save_steps=3, eval_steps=2, keep_checkpoints=2, save_best=best)
    train(config, qwen, ROWS[:16], ROWS[16:], tmp_path / "run", Heard())
    steps = [event["step"] for event in metrics.read(tmp_path / "run") if event["kind"] == "checkpoint"]
    assert steps == ([2, 3, 4, 6, 8] if best else [3, 6])
    assert [one.step for one in checkpoints.all_of(tmp_path / "run")] == ([6, 8] if best else [3, 6])
    assert not list((tmp_path / "run").rglob("training_args.bin")), "a pickle"


@pytest.mark.parametrize(
    ("values", "given", "rows", "code"),
    [
        ({}, (9, 8, NAN, 1.0), None, "loss_not_finite"),
        ({}, (9, 8, 2.0, NAN), None, "loss_not_finite"),
        ({"precision": "fp16"}, (9, 8, NAN, 1.0), None, "loss_fp16"),
        ({}, (1, 0, NAN, NAN), None, "loss_broken_weights"),
        ({}, (9, 8, NAN, 1.0), [[-100, 5, 6], [-100, -100, -100]], "loss_empty_labels"),
    ],
)
def test_the_likely_cause_of_a_broken_loss_is_said(
    values: dict[str, Any], given: tuple[int, int, float, float], rows: Any, code: str
) -> None:
    from datasets import Dataset

    with pytest.raises(WorkError) as raised:
        check_loss(settings(**values), *given, Dataset.from_dict({"labels": rows}) if rows else None)
    assert raised.value.code == f"training.{code}"
    assert str(given[0]) in raised.value.text("en") and raised.value.text("ko")


def test_a_sound_loss_and_an_overflow_in_sixteen_bits_pass() -> None:
    check_loss(settings(), 9, 8, 2.0, 1.0, None)
    check_loss(settings(precision="fp16"), 9, 8, 2.0, float("inf"), None)


def test_rows_without_labels_break_a_real_run_and_are_named(
    qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mactuner_core.training.loss_mask import Example
    from mactuner_core.training.prepare import prepare

    def with_a_hole(*given: Any) -> Prepared:
        prepared = prepare(*given)
        for place in range(len(prepared.examples)):
            ids = prepared.examples[place].input_ids
            prepared.examples[place] = Example(ids, [-100] * len(ids))
        return prepared

    monkeypatch.setattr("mactuner_core.training.run.prepare", with_a_hole)
    with pytest.raises(WorkError) as raised:
        train(settings(), qwen, ROWS, [], tmp_path / "run", Heard())
    assert (raised.value.code, raised.value.values["row"]) == ("training.loss_empty_labels", 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 6 MB that fills up; skipped where it cannot be mounted."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root on Linux only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_run_with_its_last_checkpoint_whole(
    small_disk: Path, qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(save_steps=1, keep_checkpoints=20, epochs=5)
    run = small_disk / "run"
    for check in (True, False):  # seen before it is written, and while it is written
        if not check:
            monkeypatch.setattr("mactuner_core.training.whole.check_free_space", lambda *_: None)
        with pytest.raises(WorkError) as raised:
            train(config, qwen, ROWS, [], run, Heard())
        assert raised.value.code == "workspace.disk_full"
        whole = checkpoints.all_of(run)
        assert whole and [path.name for path in sorted(run.glob("checkpoints/*"))] == sorted(c.path.name for c in whole)
        assert not is_complete(run)
    for checkpoint in whole[:-1]:
        checkpoints.delete(run, checkpoint.step)
    stats = train(
        config.model_copy(update={"keep_checkpoints": 1}),
        qwen,
        ROWS,
        [],
        run,
        Heard(),
        checkpoint=checkpoints.find(run),
    )
    assert (stats["steps"], stats["resumed"]) == (15, [whole[-1].step])
