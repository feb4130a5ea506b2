"""How long a run is, counted in steps; needs no torch, so that the pages may ask."""

from __future__ import annotations

import math

from mactuner_core.training.config import TrainingConfig

LONGEST_WARMUP = 0.1  # share of a run that the warm-up steps may take


def planned_steps(config: TrainingConfig, examples: int) -> int:
    """Return how many times a run on `examples` moves the weights."""
    batches = math.ceil(examples / config.batch_size)
    return max(1, math.ceil(batches / config.gradient_accumulation)) * config.epochs


def warmup_steps(config: TrainingConfig, steps: int) -> int:
    """Return the steps in which the learning rate rises: by the ratio if it is set, else as asked but a tenth at most."""
    if config.lr_scheduler == "constant":
        return 0
    if config.warmup_ratio is not None:
        return math.ceil(steps * config.warmup_ratio)
    return min(config.warmup_steps, int(steps * LONGEST_WARMUP))
