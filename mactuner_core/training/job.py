"""The job of kind "train": a run of the catalogue, from its row to its finished folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mactuner_core.catalog import open_catalog
from mactuner_core.jobs import Job
from mactuner_core.models.quiet import quiet_transformers
from mactuner_core.training import checkpoints, identity
from mactuner_core.training.base import own_base
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.prepare import read_rows


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Train the run `spec["run"]`, from the step `spec["checkpoint"]` when it is there, and return its statistics.

    Nothing of it leaves the machine.
    """
    # read by the libraries when they are imported, so it is set before `training.run` brings them in
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    from mactuner_core.training.run import train
    from mactuner_core.training.stats import versions

    quiet_transformers()
    catalog = open_catalog(job.workspace)
    row = catalog.run(spec["run"])
    config = TrainingConfig.check(row.config)
    dataset = catalog.dataset(row.dataset_id)
    base, folder = own_base(row, catalog.model(row.model_id)), Path(row.path)
    identity.write_once(folder, base, dataset, config.seed, versions())
    stats = train(
        config,
        base.folder,
        read_rows(dataset, "train", config.objective),
        read_rows(dataset, "validation", config.objective),
        folder,
        job,
        adapter=base.adapter,
        checkpoint=checkpoints.find(folder, spec["checkpoint"]) if "checkpoint" in spec else None,
    )
    return stats | {"run": row.id}
