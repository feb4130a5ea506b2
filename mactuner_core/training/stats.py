"""Figures about the process and its libraries that go into `training_stats.json`."""

from __future__ import annotations

import platform
import resource
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import psutil

import mactuner_core
from mactuner_core.hardware import torch_device
from mactuner_core.training.rows import Prepared

if TYPE_CHECKING:
    from mactuner_core.training.callback import RunCallback

LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


def versions() -> dict[str, str]:
    """Return the version of everything that decides what a run computes."""
    return {"mactuner": mactuner_core.__version__, "python": platform.python_version()} | {
        name: version(name) for name in LIBRARIES
    }


def peak_memory_bytes() -> int:
    """Return the most memory used so far in bytes: of the CUDA device when it computes, else of this process."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kilobytes


def run_stats(
    steps: int, weights_step: int, callback: RunCallback, after: dict[str, float], rows: Prepared
) -> dict[str, Any]:
    """Return the figures of a finished run; `seconds` are those of the training with its validations and checkpoints."""
    device, reason = torch_device()
    before = callback.standing.losses_before
    return {
        "train_loss_before": before["train"],
        "train_loss": after["train"],
        "eval_loss_before": before.get("eval"),
        "eval_loss": after.get("eval"),
        "tokens_per_second": round(callback.pace.tokens_per_second, 1),
        "tokens": int(callback.pace.tokens),
        "seconds": round(callback.wall_seconds, 2),
        "steps": steps,
        "weights_step": weights_step,
        "stopped_early": callback.stopped_early,
        "peak_memory_bytes": peak_memory_bytes(),
        "device": device,
        "device_reason": reason,
        "rows_used": rows.rows_used,
        "rows_cut": rows.rows_cut,
        "rows_left_out": [left.as_dict() for left in rows.left_out],
        "versions": versions(),
    }


class SystemUse:
    """What this process takes of the machine, a few microseconds a look."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call only starts the clock
        self._cores = psutil.cpu_count() or 1

    def now(self) -> dict[str, float]:
        """Return `memory_bytes`, `cpu_percent` of all cores since the last call and, with a GPU, `gpu_memory_bytes`."""
        import torch

        found: dict[str, float] = {
            "memory_bytes": self._process.memory_info().rss,
            "cpu_percent": round(self._process.cpu_percent() / self._cores, 1),
        }
        if torch.cuda.is_available():
            found["gpu_memory_bytes"] = torch.cuda.memory_reserved()
        elif torch.backends.mps.is_available():
            found["gpu_memory_bytes"] = torch.mps.driver_allocated_memory()
        return found
