"""How fast this machine trains, in floating-point operations a second: from runs that it did, else from a quick try.

A figure of an earlier run holds for another model and method by the operations that each token costs. Before the first
run a processor is judged by multiplying two matrices for a tenth of a second; a GPU is not judged before it has trained.
"""

from __future__ import annotations

import functools
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.errors import MacTunerError
from mactuner_core.hardware import Hardware
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.dimensions import Dimensions, read_dimensions
from mactuner_core.training.memory import adapter_parameters

LAST_RUNS = 5
SHORTEST_RUN_S = 2.0  # a shorter one says more about starting than about training
TRAINING_SHARE = 0.5  # of the speed of one large product, what all operations of a step reach together
TRY_SIZE, TRY_TIMES = 1024, 5


@dataclass(frozen=True)
class Speed:
    """Operations a second, and what that rests on: `runs` earlier runs, or a try of the processor."""

    flops: float
    source: Literal["runs", "processor"]
    runs: int = 0


def flops_per_token(dimensions: Dimensions, config: TrainingConfig, length: float) -> float:
    """Return the operations that training one token costs, in rows of `length` tokens on average.

    Forward: two for each weight that is multiplied with, and four for each query number and position looked at. Backward:
    the same again for the activations, and once more for the weights that are trained; what is checkpointed is computed
    anew.
    """
    head = dimensions.vocabulary * dimensions.hidden
    attention = 4 * dimensions.query * length * dimensions.layers
    beside = 2 * adapter_parameters(dimensions, config)
    times = (3 if config.method == "full" else 2) + (1 if config.gradient_checkpointing else 0)
    blocks = times * (2 * dimensions.in_matrices + attention) + (times + 1) * beside
    return blocks + (4 if config.method == "full" else 3) * 2 * head


def known_speed(catalog: Catalog, hardware: Hardware) -> Speed | None:
    """Return the speed of this machine, or None for a GPU that has not trained yet."""
    found = []
    for run in catalog.runs():
        if (flops := _flops_of(catalog, run, hardware)) is not None:
            found.append(flops)
        if len(found) == LAST_RUNS:
            break
    if found:
        return Speed(statistics.median(found), "runs", len(found))
    return Speed(processor_flops() * TRAINING_SHARE, "processor") if hardware.device == "cpu" else None


@functools.cache
def processor_flops() -> float:
    """Return the operations a second of a product of two float32 matrices, the best of a few."""
    import numpy as np

    one = np.ones((TRY_SIZE, TRY_SIZE), dtype=np.float32)
    best = 0.0
    for _ in range(TRY_TIMES):
        begin = time.perf_counter()
        one @ one
        best = max(best, 2 * TRY_SIZE**3 / (time.perf_counter() - begin))
    return best


def _flops_of(catalog: Catalog, run: Run, hardware: Hardware) -> float | None:
    """Return the speed of a finished run on the same kind of device, or None when it says nothing."""
    try:
        stats = json.loads((Path(run.path) / "training_stats.json").read_text(encoding="utf-8"))
        if stats["device"] != hardware.device or stats["seconds"] < SHORTEST_RUN_S or not stats["tokens_per_second"]:
            return None
        dimensions = read_dimensions(Path(catalog.model(run.model_id).path))
        config = TrainingConfig.check(run.config)
        length = stats["tokens"] / max(1, stats["rows_used"] * config.epochs)
        return float(stats["tokens_per_second"] * flops_per_token(dimensions, config, length))
    except (OSError, ValueError, KeyError, TypeError, MacTunerError):
        return None
