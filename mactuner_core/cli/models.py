"""`mactuner models`: the models to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.follow import follow
from mactuner_core.cli.output import JsonOption, emit_json, say, show, show_table
from mactuner_core.format import human_bytes, human_count
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace


def commands() -> typer.Typer:
    """Return the group of commands."""
    from mactuner_core.cli.models_disk import cache, recommended

    group = typer.Typer(no_args_is_help=True)
    for name, function in (
        ("search", search),
        ("recommended", recommended),
        ("add", add),
        ("starter", starter),
        ("list", list_models),
        ("info", info),
        ("remove", remove),
        ("cache", cache),
    ):
        group.command(name, help=text(f"cli.models_{name}_help"))(function)
    return group


def search(
    query: str,
    korean: Annotated[bool, typer.Option("--korean", help=text("cli.korean_help"))] = False,
    max_parameters: Annotated[str | None, typer.Option(help=text("cli.max_parameters_help"))] = None,
    license: Annotated[str | None, typer.Option(help=text("cli.license_help"))] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    json: JsonOption = False,
) -> None:
    from mactuner_core.models.hub_search import count_from_text
    from mactuner_core.models.hub_search import search as search_hub

    maximum = count_from_text(max_parameters) if max_parameters else None
    found = search_hub(query, korean=korean, license=license, maximum_parameters=maximum, limit=limit)
    if json:
        emit_json([one.as_dict() for one in found])
        return
    rows = [
        (
            one.id,
            human_count(one.parameters) if one.parameters else "?",
            human_bytes(one.bytes) if one.bytes else "?",
            one.downloads,
            one.license or "?",
        )
        for one in found
    ]
    show_table(["cli.id", "cli.parameters", "cli.size", "cli.downloads", "cli.license"], rows)


def add(
    source: Annotated[str, typer.Argument(help="FOLDER | ZIP | HUB_ID")],
    name: Annotated[str | None, typer.Option()] = None,
    detach: Annotated[bool, typer.Option("--detach", help=text("cli.detach_help"))] = False,
    json: JsonOption = False,
) -> None:
    from mactuner_core.models.catalogued import model_info
    from mactuner_core.models.folder import add_folder
    from mactuner_core.models.hub_download import start_download
    from mactuner_core.models.zipped import add_zip

    workspace = open_workspace()
    catalog = open_catalog(workspace)
    path = Path(source).expanduser()
    if path.is_file() and path.suffix.lower() == ".zip":
        unpacked = add_zip(workspace, catalog, path, path.name, name)
        model = unpacked.model
        if unpacked.left_out:
            say(text("cli.left_in_zip", files=", ".join(unpacked.left_out[:10])))
    elif path.exists() or source.startswith((".", "/", "~")):
        model = add_folder(workspace, catalog, path, name)
    else:
        job_id = start_download(workspace, source)
        if detach:
            _detached(source, job_id, json)
            return
        result = follow(workspace.jobs / job_id).result
        if result["renamed_to"]:
            say(text("cli.renamed", old=source, new=result["renamed_to"]))
        model = catalog.model(result["id"])
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


def info(model: Annotated[str, typer.Argument(help="MODEL | HUB_ID")], json: JsonOption = False) -> None:
    from mactuner_core.models.catalogued import model_info
    from mactuner_core.models.hub_details import hub_details

    if "/" in model:  # a name of ours never holds one
        _report(hub_details(model).as_dict(), json)
    else:
        _report(model_info(open_catalog(open_workspace()).model(model)), json)


def remove(model: str, json: JsonOption = False) -> None:
    from mactuner_core.models.catalogued import remove_model

    workspace = open_workspace()
    remove_model(workspace, open_catalog(workspace), model)
    if json:
        emit_json({"removed": model})
    else:
        show(text("cli.removed", id=model))


def _detached(source: str, job_id: str, json: bool) -> None:
    if json:
        emit_json({"id": source, "job": job_id})
    else:
        show(text("cli.download_detached", name=source))


def _report(info: dict[str, object], json: bool) -> None:
    if json:
        emit_json(info)
        return
    for key, value in info.items():
        show(f"{key:>16}  {value}")
