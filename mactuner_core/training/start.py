"""Starting a training run: everything that can be refused is refused before the job begins."""

from __future__ import annotations

from pathlib import Path

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.errors import ConfigError, InputError
from mactuner_core.jobs.control import new_id
from mactuner_core.models.check import check_model_folder
from mactuner_core.training.checks import problems_with
from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import Workspace, check_free_space, write_text


def start_training(workspace: Workspace, catalog: Catalog, config: TrainingConfig) -> Run:
    """Start the job that trains as `config` says and return the run's catalogue row; the job is `run.job_id`.

    Raises NotFoundError for an unknown model or dataset, InputError when the model cannot be used, ConfigError with all
    that the settings ask of model, dataset and machine in vain, WorkError when the disk has no room for the result.
    """
    model = catalog.model(config.model)
    dataset = catalog.dataset(config.dataset)
    facts = check_model_folder(Path(model.path))
    if not facts.has_chat_template and config.objective != "pretraining":
        raise InputError("training.no_template")
    if not dataset.train_rows:
        raise InputError("training.no_rows")
    if problems := problems_with(config, Path(model.path), dataset):
        raise ConfigError(problems)
    check_free_space(workspace.root, needed_bytes(config.method, facts.parameters))
    settled = config.model_copy(update={"model": model.id, "dataset": dataset.id})
    run_id = _fresh_id(workspace, catalog, f"{dataset.name[:48]}-{config.method}")
    folder = workspace.runs / run_id
    folder.mkdir(parents=True)
    write_text(folder / "config.yaml", settled.to_yaml())
    run = Run(
        id=run_id,
        model_id=model.id,
        dataset_id=dataset.id,
        method=config.method,
        path=str(folder),
        config=settled.model_dump(mode="json"),
        job_id=new_id("train"),
    )
    catalog.add(run)
    jobs.start(workspace, "train", {"run": run_id}, title=run_id, job_id=run.job_id)
    return run


def needed_bytes(method: str, parameters: int) -> int:
    """Return the disk a run needs: the result and one checkpoint with its optimiser, in float32."""
    return parameters * (4 + 12) if method == "full" else parameters * 16 // 50 + 20_000_000


def _fresh_id(workspace: Workspace, catalog: Catalog, wish: str) -> str:
    taken = {run.id for run in catalog.runs()}
    number = 1
    while f"{wish}-{number}" in taken or (workspace.runs / f"{wish}-{number}").exists():
        number += 1
    return f"{wish}-{number}"
