"""Memory that runs out: known by its many names, answered with a smaller micro-batch, explained when that is not enough."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mactuner_core.errors import WorkError
from mactuner_core.training import checkpoints, metrics
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.out_of_memory import is_out_of_memory, smaller_batch
from mactuner_core.training.run import train
from mactuner_core.training.trainer import Trainer
from tests.core.training.conftest import ROWS, Heard
from tests.core.training.test_resume import losses

OUT_OF_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"
    ),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
    RuntimeError("Invalid buffer size: 12.00 GiB"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    OSError(12, "Cannot allocate memory"),
]


def settings(**values: Any) -> TrainingConfig:
    base = {"model": "m", "dataset": "d", "method": "full", "epochs": 2, "learning_rate": 1e-3, "batch_size": 8}
    return TrainingConfig.check(base | {"gradient_checkpointing": False, "save_best": False} | values)


def breaks_at(monkeypatch: pytest.MonkeyPatch, rows: int, from_step: int = 0) -> None:
    """Let a training batch of more than `rows` rows run out of memory, as a card would, after `from_step` steps."""
    inner = Trainer.compute_loss

    def compute_loss(self: Trainer, model: Any, inputs: Any, *given: Any, **more: Any) -> Any:
        if model.training and len(inputs["input_ids"]) > rows and self.state.global_step >= from_step:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return inner(self, model, inputs, *given, **more)

    monkeypatch.setattr(Trainer, "compute_loss", compute_loss)


@pytest.mark.parametrize("problem", OUT_OF_MEMORY, ids=str)
def test_every_name_of_it_is_known(problem: Exception) -> None:
    assert is_out_of_memory(problem)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


@pytest.mark.parametrize(
    ("batch", "accumulation", "expected"),
    [(8, 1, (4, 2)), (2, 3, (1, 6)), (6, 1, (3, 2)), (5, 1, (1, 5)), (5, 4, (2, 10)), (7, 2, (2, 7)), (1, 8, None)],
)
def test_the_effective_batch_stays(batch: int, accumulation: int, expected: tuple[int, int] | None) -> None:
    found = smaller_batch(settings(batch_size=batch, gradient_accumulation=accumulation))
    assert (found and (found.batch_size, found.gradient_accumulation)) == expected


def test_the_run_begins_again_with_less_and_learns_the_same(
    qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = train(settings(), qwen, ROWS, [], tmp_path / "roomy", Heard())
    breaks_at(monkeypatch, rows=2)
    stats = train(settings(), qwen, ROWS, [], tmp_path / "tight", Heard())
    assert (expected["fitted"], stats["fitted"]) == (None, {"batch_size": 2, "gradient_accumulation": 4})
    assert losses(tmp_path / "tight") == pytest.approx(losses(tmp_path / "roomy"), abs=1e-4)
    fits = [event for event in metrics.read(tmp_path / "tight") if event["kind"] == "fit"]
    assert [(event["batch_size"], event["gradient_accumulation"]) for event in fits] == [(2, 4)]
    card = (tmp_path / "tight" / "README.md").read_text(encoding="utf-8")
    assert "| batch_size | 2 |" in card and "| gradient_accumulation | 4 |" in card


def test_it_goes_on_from_the_last_whole_checkpoint(qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(save_steps=2)
    train(config, qwen, ROWS, [], tmp_path / "roomy", Heard())
    breaks_at(monkeypatch, rows=4, from_step=4)
    heard = Heard()
    train(config, qwen, ROWS, [], tmp_path / "tight", heard)
    assert heard.steps == [1, 2, 3, 4, 5, 6]
    assert losses(tmp_path / "tight") == pytest.approx(losses(tmp_path / "roomy"), abs=1e-4)
    # what fitted is remembered by the checkpoints that are made with it
    assert checkpoints.find(tmp_path / "tight").more["batch_size"] == 8
    assert [event["step"] for event in metrics.read(tmp_path / "tight") if event["kind"] == "resumed"] == [4]


@pytest.mark.parametrize("fit", [True, False])
def test_when_nothing_is_left_to_halve_it_says_what_to_change(
    qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fit: bool
) -> None:
    breaks_at(monkeypatch, rows=0)
    with pytest.raises(WorkError) as raised:
        train(settings(fit_automatically=fit), qwen, ROWS, [], tmp_path / "run", Heard())
    assert raised.value.code == "training.out_of_memory"
    assert f"batch_size {1 if fit else 8}" in raised.value.text("en")
    for change in ("gradient_accumulation", "max_length", "gradient_checkpointing", "lora or qlora"):
        assert change in raised.value.text("en")


CHILD = """
import json, resource, sys
from pathlib import Path
import torch
from mactuner_core.training.run import train
from tests.core.training.conftest import Heard
from tests.core.training.test_out_of_memory import LONG, settings
torch.set_num_threads(1)

class Limited(Heard):
    def progress(self, done, total, stage, eta_s=None):
        super().progress(done, total, stage, eta_s)
        if stage == "training.stage_measuring" and not self.steps:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[3]), -1))

stats = train(settings(batch_size=16, epochs=1, max_length=512), Path(sys.argv[1]), LONG, [], Path(sys.argv[2]), Limited())
print(json.dumps(stats["fitted"]))
"""
LONG = [[row[0], {"role": "assistant", "content": row[1]["content"] * 40}] for row in ROWS[:16]]


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on the memory of a process works on Linux only")
def test_memory_that_really_runs_out(qwen: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(qwen), str(tmp_path / "run"), str(30 * 2**20)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    fitted = json.loads(done.stdout.splitlines()[-1])
    assert fitted["batch_size"] < 16 and fitted["batch_size"] * fitted["gradient_accumulation"] == 16
