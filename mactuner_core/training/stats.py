"""Figures about the process and its libraries that go into `training_stats.json`."""

from __future__ import annotations

import platform
import resource
import sys
from importlib.metadata import version

import mactuner_core

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
