"""`mactuner models`: the models to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.follow import follow
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.format import human_bytes, human_count
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace


def commands() -> typer.Typer:
    """Return the group of commands."""
    group = typer.Typer(no_args_is_help=True)
    for name, function in (
        ("search", search),
        ("add", add),
        ("starter", starter),
        ("list", list_models),
        ("info", info),
        ("remove", remove),
    ):
        group.command(name, help=text(f"cli.models_{name}_help"))(function)
    return group


def search(query: str, limit: Annotated[int, typer.Option(min=1, max=100)] = 20, json: JsonOption = False) -> None:
    from mactuner_core.models.hub import search as search_hub

    found = search_hub(query, limit=limit)
    if json:
        emit_json([one.as_dict() for one in found])
        return
    rows = [
        (one.id, human_count(one.parameters) if one.parameters else "?", one.downloads, one.license) for one in found
    ]
    show_table(["cli.id", "cli.parameters", "cli.downloads", "cli.license"], rows)


def add(
    source: Annotated[str, typer.Argument(help="FOLDER | HUB_ID")],
    name: Annotated[str | None, typer.Option()] = None,
    json: JsonOption = False,
) -> None:
    from mactuner_core.models.catalogued import model_info
    from mactuner_core.models.folder import add_folder
    from mactuner_core.models.hub import start_download

    workspace = open_workspace()
    catalog = open_catalog(workspace)
    looks_local = Path(source).expanduser().exists() or source.startswith((".", "/", "~"))
    if looks_local:
        model = add_folder(workspace, catalog, Path(source).expanduser(), name)
    else:
        status = follow(workspace.jobs / start_download(workspace, catalog, source))
        model = catalog.model(status.result["id"])
    _report(model_info(model), json)


def starter(
    dataset: Annotated[str, typer.Option(help="NAME | NAME@VERSION")],
    name: Annotated[str | None, typer.Option()] = None,
    json: JsonOption = False,
) -> None:
    from mactuner_core.models.catalogued import model_info
    from mactuner_core.models.starter import make_starter

    workspace = open_workspace()
    _report(model_info(make_starter(workspace, open_catalog(workspace), dataset, name)), json)
    if not json:
        show(text("cli.starter_is_small"))


def list_models(json: JsonOption = False) -> None:
    from mactuner_core.models.catalogued import model_info

    found = [model_info(model) for model in open_catalog(open_workspace()).models()]
    if json:
        emit_json(found)
        return
    rows = [
        (m["id"], m["architecture"], human_count(m["parameters"]), human_bytes(m["bytes"]), m["source"]) for m in found
    ]
    show_table(["cli.id", "cli.architecture", "cli.parameters", "cli.size", "cli.source"], rows)


def info(model: str, json: JsonOption = False) -> None:
    from mactuner_core.models.catalogued import model_info

    _report(model_info(open_catalog(open_workspace()).model(model)), json)


def remove(model: str, json: JsonOption = False) -> None:
    from mactuner_core.models.catalogued import remove_model

    workspace = open_workspace()
    remove_model(workspace, open_catalog(workspace), model)
    if json:
        emit_json({"removed": model})
    else:
        show(text("cli.removed", id=model))


def _report(info: dict[str, object], json: bool) -> None:
    if json:
        emit_json(info)
        return
    for key, value in info.items():
        show(f"{key:>16}  {value}")
