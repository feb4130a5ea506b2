"""The job of kind "train": a run of the catalogue, from its row to its finished folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mactuner_core.catalog import open_catalog
from mactuner_core.jobs import Job
from mactuner_core.models.quiet import quiet_transformers
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.prepare import read_rows


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Train the run `spec["run"]` and return its statistics; nothing of it leaves the machine."""
    # read by the libraries when they are imported, so it is set before `training.run` brings them in
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    from mactuner_core.training.run import train

    quiet_transformers()
    catalog = open_catalog(job.workspace)
    row = catalog.run(spec["run"])
    config = TrainingConfig.check(row.config)
    dataset = catalog.dataset(row.dataset_id)
    stats = train(
        config,
        Path(catalog.model(row.model_id).path),
        read_rows(dataset, "train", config.objective),
        read_rows(dataset, "validation", config.objective),
        Path(row.path),
        job,
    )
    return stats | {"run": row.id}
