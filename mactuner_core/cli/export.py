"""`mactuner export`: a run or a model as verified GGUF files."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.follow import follow
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace


def export(
    run: Annotated[str | None, typer.Option(help=text("cli.export_run_help"))] = None,
    model: Annotated[str | None, typer.Option(help=text("cli.export_model_help"))] = None,
    quant: Annotated[str, typer.Option(help=text("cli.export_quant_help"))] = "Q4_K_M",
    detach: Annotated[bool, typer.Option("--detach", help=text("cli.detach_help"))] = False,
    json: JsonOption = False,
) -> None:
    from mactuner_core.export.start import start_export

    if (run is None) == (model is None):
        raise InputError("cli.run_or_model")
    workspace = open_workspace()
    catalog = open_catalog(workspace)
    quants = tuple(part.strip().upper() for part in quant.split(",") if part.strip())
    made = start_export(workspace, catalog, run_id=run, model_id=model, quants=quants)
    if detach:
        if json:
            emit_json({"export": made.id, "job": made.job_id})
        else:
            show(text("cli.detached", run=made.id))
        return
    result = follow(workspace.jobs / made.job_id).result
    if json:
        emit_json(result)
    else:
        show_export(result)
        show(text("cli.next_serve", export=made.id))
    if not all(file["verify"]["passed"] for file in result["files"]):
        raise typer.Exit(1)


def show_export(result: dict[str, Any]) -> None:
    """Show the files of an export and the table of their verification."""
    rows = [
        (file["quant"], human_bytes(file["bytes"]), _passed(file["verify"]["passed"]), file["path"])
        for file in result["files"]
    ]
    show_table(["cli.quant", "cli.size", "cli.verified", "cli.path"], rows)
    checks = [
        (file["quant"], check["name"], _passed(check["passed"]), text(check["code"], **check["values"]))
        for file in result["files"]
        for check in file["verify"]["checks"]
    ]
    show_table(["cli.quant", "cli.check", "cli.verified", "cli.detail"], checks)


def _passed(passed: bool) -> str:
    return "✓" if passed else "✗"
