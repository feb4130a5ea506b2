"""Other tools that draw a run: TensorBoard's files are really there, and read back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mactuner_core.training.run import train
from mactuner_core.training.trackers import prepare_tracker, tracker_problem
from tests.core.training.conftest import ROWS, Heard
from tests.core.training.shapes import settings


def test_tensorboard_is_given_every_figure_of_a_run(models: dict[str, Path], tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

    config = settings(report_to="tensorboard", epochs=2, logging_steps=1)
    train(config, models["qwen3"], ROWS[:16], ROWS[16:], tmp_path / "run", Heard())
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4]
    assert {"train/learning_rate", "train/grad_norm", "eval/loss"} <= set(events.Tags()["scalars"])


def test_nothing_is_asked_of_a_tool_that_is_not_wanted(tmp_path: Path) -> None:
    before = dict(os.environ)
    prepare_tracker(settings(), tmp_path)
    assert dict(os.environ) == before and tracker_problem(settings()) is None


@pytest.mark.parametrize(
    ("tool", "name"), [("wandb", "WANDB_DIR"), ("trackio", "TRACKIO_DIR"), ("mlflow", "MLFLOW_TRACKING_URI")]
)
def test_tools_write_into_the_run_and_keep_their_usage_to_themselves(
    tool: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "environ", {})
    prepare_tracker(settings(report_to=tool), tmp_path)
    assert str(tmp_path) in os.environ[name]
    assert ("sent to its server" in caplog.text) is (tool == "wandb")
