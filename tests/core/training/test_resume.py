"""A run that goes on is the run that was never stopped: the same losses, the same weights, whatever ended it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mactuner_core.jobs import JobCancelled
from mactuner_core.training import checkpoints, metrics
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.order import EpochOrder
from mactuner_core.training.run import train
from tests.core.training.conftest import ROWS, Heard

# rows of many lengths, so that grouping by length has something to group
MIXED = [[row[0], {"role": "assistant", "content": row[1]["content"] * (1 + i % 5)}] for i, row in enumerate(ROWS)]
STEPS = 9  # 20 rows in steps of 4 x 2 make 3 steps an epoch, the last one short


def settings(method: str, **values: Any) -> TrainingConfig:
    base: dict[str, Any] = {
        "model": "m", "dataset": "d", "method": method, "batch_size": 4, "gradient_accumulation": 2, "epochs": 3,
        "learning_rate": 1e-3, "lora_dropout": 0.2, "neftune_noise_alpha": 5, "gradient_checkpointing": False,
        "eval_steps": 2, "save_steps": 2, "keep_checkpoints": 20,
    }  # fmt: skip
    return TrainingConfig.check(base | values)


def losses(run_folder: Path, name: str = "loss") -> dict[int, float]:
    """Return the reported losses by step; a step that is reported twice is an error."""
    found = [(event["step"], event[name]) for event in metrics.read(run_folder) if name in event]
    assert len(dict(found)) == len(found), "a step was reported twice"
    return dict(found)


def go(
    config: TrainingConfig, base: Path, folder: Path, *, stop_after: int | None = None, step: int | None = None
) -> Any:
    checkpoint = checkpoints.find(folder, step) if step is not None or (folder / "metrics.jsonl").exists() else None
    return train(config, base, MIXED[:20], MIXED[20:], folder, Heard(stop_after), checkpoint=checkpoint)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(next(folder.glob("*/*model.safetensors")))
    return found


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_stopped_amid_an_epoch_goes_on_as_if_it_had_not_been(method: str, qwen: Path, tmp_path: Path) -> None:
    config = settings(method)
    whole = go(config, qwen, tmp_path / "whole")
    with pytest.raises(JobCancelled):
        go(config, qwen, tmp_path / "cut", stop_after=4)
    assert max(losses(tmp_path / "cut")) == 4
    stats = go(config, qwen, tmp_path / "cut")
    assert stats["resumed"] == [4]
    for name in ("loss", "eval_loss"):
        expected = losses(tmp_path / "whole", name)
        assert losses(tmp_path / "cut", name) == pytest.approx(expected, abs=1e-5)
    assert set(losses(tmp_path / "cut")) == set(range(1, STEPS + 1))
    same = weights(tmp_path / "whole")
    assert all(torch.allclose(tensor, same[name], atol=1e-6) for name, tensor in weights(tmp_path / "cut").items())
    figures = ("train_loss_before", "eval_loss_before", "train_loss", "eval_loss", "tokens", "steps")
    assert [stats[name] for name in figures] == pytest.approx([whole[name] for name in figures], abs=1e-5)


def test_a_run_goes_on_from_any_checkpoint_and_drops_what_came_after(qwen: Path, tmp_path: Path) -> None:
    config = settings("lora", logging_steps=3)
    go(config, qwen, tmp_path / "whole")
    with pytest.raises(JobCancelled):
        go(config, qwen, tmp_path / "cut", stop_after=7)
    assert [checkpoint.step for checkpoint in checkpoints.all_of(tmp_path / "cut")] == [2, 4, 6, 7]
    half = tmp_path / "cut" / "checkpoints" / "checkpoint-8"
    half.mkdir()
    (half / "optimizer.pt").write_bytes(b"half")
    go(config, qwen, tmp_path / "cut", step=2)
    assert losses(tmp_path / "cut") == pytest.approx(losses(tmp_path / "whole"), abs=1e-5)
    kept = [[checkpoint.step for checkpoint in checkpoints.all_of(tmp_path / name)] for name in ("cut", "whole")]
    assert kept[0] == kept[1] == [2, 4, 6, 8, 9]


def test_answers_to_test_prompts_leave_the_run_as_it_is(qwen: Path, tmp_path: Path) -> None:
    config = settings("lora", save_best=False)
    go(config, qwen, tmp_path / "without")
    asked = config.model_copy(update={"test_prompts": "1번 조문은?\n\n 안녕 \n"})
    go(asked, qwen, tmp_path / "with")
    assert losses(tmp_path / "with") == losses(tmp_path / "without")
    samples = [event for event in metrics.read(tmp_path / "with") if event["kind"] == "samples"]
    assert [event["step"] for event in samples] == [0, 2, 4, 6, 8, 9]
    assert [one["prompt"] for one in samples[0]["answers"]] == ["1번 조문은?", "안녕"]
    assert not [event for event in metrics.read(tmp_path / "without") if event["kind"] == "samples"]
    train(asked, qwen, MIXED[:20], [], tmp_path / "unvalidated", Heard())
    events = metrics.read(tmp_path / "unvalidated")
    assert [event["step"] for event in events if event["kind"] == "samples"] == [0, 2, 4, 6, 8, 9]


def test_the_order_of_an_epoch_follows_from_its_seed() -> None:
    lengths = [5, 9, 30, 2, 8, 8, 1, 40, 3, 3, 22]
    order = EpochOrder(lengths, 4, seed=1)
    first = list(order)
    assert sorted(first) == list(range(11)) and first == list(order)
    assert first[0] == 7, "the longest row comes first, so that memory runs out at once or not at all"
    order.set_epoch(1)
    assert list(order) != first
    assert list(EpochOrder(lengths, 4, seed=2)) != first
    assert list(EpochOrder([7], 4, seed=1)) == [0]


SERVER = """
import json, os, sys
from pathlib import Path
from mactuner_core.training import checkpoints
from mactuner_core.training.run import train
from tests.core.training.conftest import Heard
from tests.core.training.test_resume import MIXED, settings
base, folder = Path(sys.argv[1]), Path(sys.argv[2])
for line in sys.stdin:
    pid = os.fork()  # before anything was computed, so that the child has threads of its own
    if pid == 0:
        checkpoint = checkpoints.find(folder) if json.loads(line) else None
        train(settings("lora", epochs=6), base, MIXED[:20], MIXED[20:], folder, Heard(), checkpoint=checkpoint)
        os._exit(0)
    print(pid, flush=True)
    os.waitpid(pid, 0)
    print("gone", flush=True)
"""


@pytest.fixture
def trainings(qwen: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that forks one training after the other of the same run, so that the libraries load only once."""
    command = [sys.executable, "-c", SERVER, str(qwen), str(tmp_path / "killed")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_run_killed_at_any_moment_goes_on_from_its_last_whole_checkpoint(
    trainings: subprocess.Popen[str], qwen: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    for moment, resumes in ((2, False), (6, True), (13, True)):
        pid = start(trainings, resumes=resumes)
        wait_for(folder, moment, while_saving=moment == 6)
        subprocess.run(["kill", f"-{signal.SIGKILL}", str(pid)], check=True)
        assert trainings.stdout and trainings.stdout.readline() == "gone\n"
        found = checkpoints.all_of(folder)
        assert found and (moment == 6 or found[-1].step >= moment)
        assert not (folder / "COMPLETE").exists()
    start(trainings, resumes=True)
    assert trainings.stdout and trainings.stdout.readline() == "gone\n"
    assert (folder / "COMPLETE").exists()
    train(settings("lora", epochs=6), qwen, MIXED[:20], MIXED[20:], tmp_path / "whole", Heard())
    assert losses(folder) == pytest.approx(losses(tmp_path / "whole"), abs=1e-5)
    assert len([event for event in metrics.read(folder) if event["kind"] == "resumed"]) == 3


def start(trainings: subprocess.Popen[str], *, resumes: bool) -> int:
    assert trainings.stdin and trainings.stdout
    trainings.stdin.write(json.dumps(resumes) + "\n")
    trainings.stdin.flush()
    return int(trainings.stdout.readline())


def wait_for(folder: Path, step: int, *, while_saving: bool) -> None:
    """Wait for a checkpoint of `step` or later: whole, or just being written."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        names = [path.name for path in folder.glob("checkpoints/checkpoint-*") if int(path.name.split("-")[1]) >= step]
        whole = [name for name in names if (folder / "checkpoints" / name / checkpoints.MARK).exists()]
        if (set(names) - set(whole)) if while_saving else whole:
            return
        time.sleep(0.0005)
    raise AssertionError("no checkpoint in a minute")
