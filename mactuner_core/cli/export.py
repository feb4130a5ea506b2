"""`mactuner export`: a run or a model as verified GGUF files."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.follow import follow
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.errors import InputError
from mactuner_core.export.adapter_base import serve_command
from mactuner_core.format import human_bytes
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace

DEFAULT_QUANT = "Q4_K_M"


def export(
    run: Annotated[str | None, typer.Option(help=text("cli.export_run_help"))] = None,
    model: Annotated[str | None, typer.Option(help=text("cli.export_model_help"))] = None,
    quant: Annotated[str | None, typer.Option(help=text("cli.export_quant_help"), show_default=DEFAULT_QUANT)] = None,
    adapter: Annotated[bool, typer.Option("--adapter", help=text("export_adapter.option_help"))] = False,
    detach: Annotated[bool, typer.Option("--detach", help=text("cli.detach_help"))] = False,
    json: JsonOption = False,
) -> None:
    from mactuner_core.export.start import start_export

    if (run is None) == (model is None):
        raise InputError("cli.run_or_model")
    if adapter and quant is not None:
        raise InputError("export_adapter.not_with_quant", quant=quant)
    workspace = open_workspace()
    catalog = open_catalog(workspace)
    quants = tuple(part.strip().upper() for part in (quant or DEFAULT_QUANT).split(",") if part.strip())
    made = start_export(workspace, catalog, run_id=run, model_id=model, quants=quants, adapter=adapter)
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
        show(next_step(made.id, result))
    if not all(file["verify"]["passed"] for file in result["files"]):
        raise typer.Exit(1)


def next_step(export_id: str, result: dict[str, Any]) -> str:
    """Return the sentence that says what to do with the files of an export."""
    base = result.get("base")
    if base is None:
        return text("cli.next_serve", export=export_id)
    if base["file"] is None:
        return text("export_adapter.next_base", **base)
    return text("export_adapter.next_serve", command=serve_command(base["file"], result["files"][0]["path"]))


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
