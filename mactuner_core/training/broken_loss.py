"""A loss that is no number any more, with its likely cause in words."""

from __future__ import annotations

import math
from typing import Any

from mactuner_core.errors import WorkError
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.loss_mask import IGNORED


def check_loss(
    config: TrainingConfig, step: int, good_step: int, loss: float, grad_norm: float | None, train_dataset: Any
) -> None:
    """Raise WorkError when loss or gradient of `step` are not finite; `good_step` is the last one whose were.

    The cause is one of: rows without anything to learn, numbers of 16 bits, weights that were broken before the first step,
    or else the learning rate. A gradient that overflows is nothing bad in fp16, where the step is passed over.
    """
    overflow = grad_norm is not None and not math.isfinite(grad_norm) and config.precision != "fp16"
    if math.isfinite(loss) and not overflow:
        return
    value = loss if not math.isfinite(loss) else grad_norm
    values = {"step": step, "good_step": good_step, "loss": value, "learning_rate": config.learning_rate}
    if (row := _row_without_labels(train_dataset)) is not None:
        raise WorkError("training.loss_empty_labels", row=row, **values)
    if config.precision == "fp16":
        raise WorkError("training.loss_fp16", **values)
    if good_step == 0 and step == 1 and not math.isfinite(loss):
        raise WorkError("training.loss_broken_weights", **values)
    raise WorkError("training.loss_not_finite", **values)


def _row_without_labels(rows: Any) -> int | None:
    """Return the number, from 1, of the first prepared row in which nothing is learned."""
    if "labels" not in getattr(rows, "column_names", ()):
        return None
    for number, labels in enumerate(rows["labels"], start=1):
        if all(label == IGNORED for label in labels[1:]):
            return number
    return None
