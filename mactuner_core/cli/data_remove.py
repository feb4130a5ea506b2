"""`mactuner data remove`: deletes one version of a dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.output import JsonOption, emit_json, show
from mactuner_core.data.removing import remove_version, users_of
from mactuner_core.errors import InputError
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace


def add_to(group: typer.Typer) -> None:
    """Add the command `remove` to the group of data commands."""
    group.command("remove", help=text("data_versions.remove_help"))(remove)


def remove(
    dataset: Annotated[str, typer.Argument(help=text("data_versions.ref_help"), metavar="NAME@NUMBER")],
    json: JsonOption = False,
) -> None:
    """Remove the version; a name without its number is refused, since it could mean any."""
    workspace = open_workspace()
    catalog = open_catalog(workspace)
    version = catalog.dataset(dataset)
    if dataset != version.id:
        raise InputError("data_versions.number_missing", name=dataset, example=version.id)
    users = users_of(workspace, catalog, version)
    remove_version(workspace, catalog, version.id)
    if json:
        emit_json({"removed": version.id, "runs": users.runs, "models": users.models})
        return
    show(text("data_versions.removed", id=version.id))
    if made := [*users.models, *users.runs]:
        show(text("data_versions.removed_runs", users=", ".join(made)))
