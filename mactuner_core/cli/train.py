"""`mactuner train`: one training run, from flags, a YAML file, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.options import parse_assignments, with_settings
from mactuner_core.cli.output import JsonOption
from mactuner_core.cli.run_end import follow_run
from mactuner_core.config import read_yaml
from mactuner_core.errors import ConfigError, SettingProblem
from mactuner_core.messages import text
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
    follow_run(workspace, run, detach=detach, json=json)
