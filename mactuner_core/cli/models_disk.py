"""`mactuner models cache` and `recommended`: what is on the disk, and what is worth fetching."""

from __future__ import annotations

from typing import Annotated

import typer

from mactuner_core.catalog import Catalog, open_catalog
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.format import human_bytes, human_count
from mactuner_core.messages import current_language, text
from mactuner_core.models.hub_cache import Kept, delete_kept, kept_models
from mactuner_core.models.recommended import recommended as recommended_models
from mactuner_core.workspace import Workspace, open_workspace


def cache(
    delete: Annotated[str | None, typer.Option(help=text("cli.delete_help"), metavar="NAME")] = None,
    yes: Annotated[bool, typer.Option("--yes", help=text("cli.yes_help"))] = False,
    json: JsonOption = False,
) -> None:
    workspace = open_workspace()
    catalog = open_catalog(workspace)
    if delete:
        _delete(workspace, catalog, delete, yes=yes, json=json)
        return
    found = kept_models(workspace, catalog)
    if json:
        emit_json([kept.as_dict() for kept in found])
        return
    columns = ["cli.id", "cli.place", "cli.size", "cli.last_used", "cli.used_by"]
    rows = [
        (kept.name, kept.place, _size(kept), f"{kept.last_used:%Y-%m-%d}", ", ".join(kept.used_by)) for kept in found
    ]
    show_table(columns, rows)


def recommended(json: JsonOption = False) -> None:
    found = recommended_models()
    if json:
        emit_json([one.model_dump() for one in found])
        return
    rows = [
        (one.id, human_count(one.parameters), one.license, one.commercial, one.why[current_language()]) for one in found
    ]
    show_table(["cli.id", "cli.parameters", "cli.license", "cli.commercial", "cli.why"], rows)


def _delete(workspace: Workspace, catalog: Catalog, name: str, *, yes: bool, json: bool) -> None:
    kept = next((each for each in kept_models(workspace, catalog) if each.name == name), None)
    if kept and not kept.used_by and not yes:
        place = kept.path or name
        typer.confirm(
            text("cli.delete_question", name=name, size=human_bytes(kept.bytes), path=place), abort=True, err=True
        )
    gone = delete_kept(workspace, catalog, name)
    if json:
        emit_json({"deleted": gone.name, "bytes": gone.bytes})
    else:
        show(text("cli.removed", id=gone.name))


def _size(kept: Kept) -> str:
    return text("cli.unfinished", size=human_bytes(kept.bytes)) if kept.partial_bytes else human_bytes(kept.bytes)
