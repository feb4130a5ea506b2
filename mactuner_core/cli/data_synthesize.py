"""`mactuner data synthesize`: new examples from another model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.follow import follow
from mactuner_core.cli.options import parse_assignments
from mactuner_core.cli.output import JsonOption, emit_json, say, show, show_table
from mactuner_core.errors import InputError
from mactuner_core.messages import text
from mactuner_core.workspace import Workspace, open_workspace

NOTHING = 1


def add_to(group: typer.Typer) -> None:
    """Add the command `synthesize` to the group of data commands."""
    group.command("synthesize", help=text("synthesis.help"))(synthesize)


def synthesize(
    recipe: Annotated[Path | None, typer.Option("--recipe", help=text("synthesis.recipe_help"))] = None,
    out: Annotated[Path | None, typer.Option("--out", help=text("synthesis.out_help"))] = None,
    resume: Annotated[str | None, typer.Option("--resume", help=text("synthesis.resume_help"))] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", help=text("synthesis.set_help"))] = None,
    detach: Annotated[bool, typer.Option("--detach", help=text("cli.detach_help"))] = False,
    json: JsonOption = False,
) -> None:
    """Start or go on with a synthesis and follow it; exit code 1 when not one row was accepted."""
    from mactuner_core.data.synthesis.start import read_recipe, resume_synthesis, start_synthesis  # with numpy

    if bool(recipe) == bool(resume):
        raise InputError("synthesis.recipe_or_resume")
    workspace = open_workspace()
    changes = parse_assignments(assignments or [])
    place = out.expanduser().resolve() if out else None
    if resume:
        name, job_id = resume, resume_synthesis(workspace, resume, changes, out=place)
    else:
        name = job_id = start_synthesis(
            workspace, open_catalog(workspace), read_recipe(Path(str(recipe)), changes), out=place
        )
    if detach:
        _detached(name, job_id, json)
        return
    result = _follow(workspace, name, job_id)
    if json:
        emit_json(result)
    else:
        _show(result)
    if not result["accepted"]:
        raise typer.Exit(NOTHING)


def _follow(workspace: Workspace, name: str, job_id: str) -> dict[str, Any]:
    """Return the result of the job; when it fails or is stopped, say what is kept."""
    from mactuner_core.data.synthesis.start import read_synthesis

    before = read_synthesis(workspace, name)
    say(text("synthesis.started", name=name, count=before["wanted"], model=before["model"]))
    try:
        return follow(workspace.jobs / job_id).result
    except BaseException:
        say(text("synthesis.kept", name=name, accepted=read_synthesis(workspace, name)["accepted"]))
        raise


def _detached(name: str, job_id: str, json: bool) -> None:
    if json:
        emit_json({"id": name, "job": job_id})
    else:
        show(text("synthesis.detached", name=name, job=job_id))


def _show(result: dict[str, Any]) -> None:
    values = {name: result[name] for name in ("accepted", "wanted", "requests", "tokens")}
    show(text("synthesis.done", **values, path=result["out"] or result["path"]))
    reasons = [(count, _reason(code, result)) for code, count in (result["refused"] | result["failed"]).items()]
    if reasons:
        show_table(["synthesis.column_count", "synthesis.column_reason"], reasons)
    if result["stopped_by"] != "count":
        limits = {name: result[name] for name in ("token_budget", "requests", "id")}
        show(text(f"synthesis.stopped_by_{result['stopped_by']}", **limits))
    if result["accepted"]:
        show(text("synthesis.read_them"))
        show(text("synthesis.next_import", path=result["out"] or result["path"]))


def _reason(code: str, result: dict[str, Any]) -> str:
    return text(code, **result["first"][code])
