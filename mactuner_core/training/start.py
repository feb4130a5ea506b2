"""Starting a training run: everything that can be refused is refused before the job begins."""

from __future__ import annotations

from typing import Any

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.errors import ConfigError, InputError
from mactuner_core.jobs.control import new_id
from mactuner_core.models.check import check_model_folder
from mactuner_core.training.base import Base, base_of, keep_base
from mactuner_core.training.checks import problems_with
from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import Workspace, check_free_space, disk_full_is_clear, write_text

SHAPE = ("lora_rank", "lora_alpha", "target_modules", "use_dora", "use_rslora", "train_embeddings")


def start_training(workspace: Workspace, catalog: Catalog, config: TrainingConfig) -> Run:
    """Start the job that trains as `config` says and return the run's catalogue row; the job is `run.job_id`.

    `config.model` may name a run or a checkpoint (RUN@STEP): its weights are kept beside the new run, and an adapter is
    trained on with the shape it has. Raises NotFoundError for an unknown model or dataset, InputError when the model cannot
    be used, ConfigError with all that the settings ask of model, dataset and machine in vain, WorkError when the disk has
    no room for the result.
    """
    base = base_of(catalog, config.model)
    dataset = catalog.dataset(config.dataset)
    facts = check_model_folder(base.folder)
    if config.objective != "pretraining" and not facts.has_chat_template:
        raise InputError("training.no_template")
    if not dataset.train_rows:
        raise InputError("training.no_rows")
    if problems := problems_with(config, base.folder, dataset):
        raise ConfigError(problems)
    check_free_space(workspace.root, needed_bytes(config, facts.parameters))
    settled = config.model_copy(update={"dataset": dataset.id} | _shape_of_adapter(base, config))
    run_id = _fresh_id(workspace, catalog, f"{dataset.name[:48]}-{config.method}")
    folder = workspace.runs / run_id
    with disk_full_is_clear(folder):
        folder.mkdir(parents=True)
        keep_base(base, folder)
    write_text(folder / "config.yaml", settled.to_yaml())
    run = Run(
        id=run_id,
        model_id=base.model.id,
        dataset_id=dataset.id,
        method=config.method,
        path=str(folder),
        config=settled.model_dump(mode="json"),
        job_id=new_id("train"),
    )
    catalog.add(run)
    jobs.start(workspace, "train", {"run": run_id}, title=run_id, job_id=run.job_id)
    return run


def needed_bytes(config: TrainingConfig, parameters: int) -> int:
    """Return the disk a run needs at most: the result, and the checkpoints that are there while the next one is written.

    A checkpoint holds what is trained and two numbers of the optimiser for each weight, in float32; an adapter is taken for
    a fiftieth of the model.
    """
    trained = parameters if config.method == "full" else parameters // 50 + 1_000_000
    checkpoints = config.keep_checkpoints + 1 + (1 if config.save_best else 0)
    return trained * 4 + checkpoints * trained * 12


def _shape_of_adapter(base: Base, config: TrainingConfig) -> dict[str, Any]:
    """Return the settings that follow from the adapter that is trained on."""
    if base.adapter is None or base.run is None or config.method == "full":
        return {}
    return {name: base.run.config[name] for name in SHAPE if name in base.run.config}


def _fresh_id(workspace: Workspace, catalog: Catalog, wish: str) -> str:
    taken = {run.id for run in catalog.runs()}
    number = 1
    while f"{wish}-{number}" in taken or (workspace.runs / f"{wish}-{number}").exists():
        number += 1
    return f"{wish}-{number}"
