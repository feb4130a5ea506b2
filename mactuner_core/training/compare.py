"""Runs side by side: the settings in which they differ, and what came of them. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mactuner_core.catalog.tables import Run
from mactuner_core.config import settings_of
from mactuner_core.training.config import TrainingConfig

SCORES = (
    "train_loss", "eval_loss", "steps", "seconds", "tokens_per_second", "peak_memory_bytes",
)  # fmt: skip


def differences(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Return each setting that is not the same in all runs, with its value in each; one a run does not know is at its default."""
    found = {
        setting.name: [run.config.get(setting.name, setting.default) for run in runs]
        for setting in settings_of(TrainingConfig)
    }
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}


def scores(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Return the figures of each run, None for a run that is not finished; losses are comparable on the same dataset only."""
    stats = [stats_of(run) for run in runs]
    return {name: [one.get(name) for one in stats] for name in SCORES}


def stats_of(run: Run) -> dict[str, Any]:
    """Return `training_stats.json` of a run, empty while it is not finished."""
    try:
        data = json.loads((Path(run.path) / "training_stats.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
