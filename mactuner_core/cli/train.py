"""`mactuner train`: one training run, from flags, a YAML file, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.follow import follow
from mactuner_core.cli.options import parse_assignments, with_settings
from mactuner_core.cli.output import JsonOption, emit_json, say, show
from mactuner_core.config import read_yaml
from mactuner_core.errors import ConfigError, SettingProblem
from mactuner_core.format import human_duration
from mactuner_core.messages import current_language, text
from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import open_workspace


@with_settings(TrainingConfig)
def train(
    settings: dict[str, Any],
    config: Annotated[Path | None, typer.Option(help="YAML")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
    detach: Annotated[bool, typer.Option("--detach", help=text("cli.detach_help"))] = False,
    json: JsonOption = False,
) -> None:
    from mactuner_core.training.base import base_of
    from mactuner_core.training.recommend import recommend
    from mactuner_core.training.start import start_training

    values = (read_yaml(config) if config else {}) | settings | parse_assignments(assignments or [])
    missing = [name for name in ("model", "dataset") if not values.get(name)]
    if missing:
        raise ConfigError([SettingProblem("config.missing", {"name": name}) for name in missing])
    workspace = open_workspace()
    catalog = open_catalog(workspace)
    model, dataset = base_of(catalog, str(values["model"])).model, catalog.dataset(str(values["dataset"]))
    suggested = recommend(model, dataset, method=values.get("method")).config.model_dump() if not config else {}
    run = start_training(workspace, catalog, TrainingConfig.check(suggested | values | {"dataset": dataset.id}))
    if detach:
        _detached(run.id, run.job_id, json)
        return
    say(text("cli.training", run=run.id, model=model.id, dataset=dataset.id))
    stats = follow(workspace.jobs / run.job_id).result
    if json:
        emit_json({"run": run.id} | stats)
        return
    show(text("cli.trained", run=run.id, time=human_duration(stats["seconds"], current_language())))
    for name in ("train_loss_before", "train_loss", "eval_loss_before", "eval_loss", "tokens_per_second"):
        if stats.get(name) is not None:
            show(f"{name:>18}  {stats[name]:.4g}")
    show(text("cli.next_export", run=run.id))


def _detached(run_id: str, job_id: str, json: bool) -> None:
    if json:
        emit_json({"run": run_id, "job": job_id})
    else:
        show(text("cli.detached", run=run_id))
