"""`mactuner data`: looking at files and making dataset versions of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.options import with_settings
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.config import read_yaml
from mactuner_core.data.importing import import_file
from mactuner_core.data.inspect import Inspection, inspect_file
from mactuner_core.data.recipe import ImportRecipe
from mactuner_core.data.rows import Rejected
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace

SHOWN_ROWS = 20


def commands() -> typer.Typer:
    """Return the group of commands."""
    group = typer.Typer(no_args_is_help=True)
    for name, function in (("inspect", inspect), ("import", import_data), ("list", list_data)):
        group.command(name, help=text(f"cli.data_{name}_help"))(function)
    return group


@with_settings(ImportRecipe, skip=("validation_share", "seed"))
def inspect(file: Path, settings: dict[str, Any], json: JsonOption = False) -> None:
    found = inspect_file(file, ImportRecipe.check(settings))
    if json:
        emit_json(_inspection(found))
        return
    show(text("cli.inspected", format=found.table.format, shape=found.shape, encoding=found.encoding))
    show(text("cli.rows_found", rows=found.rows, usable=len(found.examples), rejected=len(found.rejected)))
    for message in (message for messages in found.preview(2) for message in messages):
        show(f"  {message['role']:>9}: {message['content']}")
    _show_rejected(found.rejected)


@with_settings(ImportRecipe)
def import_data(
    file: Path,
    name: Annotated[str, typer.Option()],
    settings: dict[str, Any],
    recipe: Annotated[Path | None, typer.Option(help="YAML")] = None,
    json: JsonOption = False,
) -> None:
    values = (read_yaml(recipe) if recipe else {}) | settings
    workspace = open_workspace()
    version = import_file(workspace, open_catalog(workspace), file, name, ImportRecipe.check(values))
    if json:
        rows = {"train_rows": version.train_rows, "validation_rows": version.validation_rows}
        emit_json({"id": version.id, **rows, "path": version.path, "report": _with_reasons(version.report)})
        return
    show(text("cli.imported", id=version.id, train=version.train_rows, validation=version.validation_rows))
    _show_rejected([Rejected(**row) for row in version.report["rejected"]], version.report["rejected_count"])
    show(text("cli.next_train", dataset=version.name))


def list_data(json: JsonOption = False) -> None:
    versions = open_catalog(open_workspace()).dataset_versions()
    if json:
        fields = ("id", "train_rows", "validation_rows", "source_name", "source_sha256", "path", "created_at")
        emit_json([{field: getattr(version, field) for field in fields} for version in versions])
        return
    rows = [(v.id, v.train_rows, v.validation_rows, v.source_name) for v in versions]
    show_table(["cli.id", "cli.train_rows", "cli.validation_rows", "cli.source"], rows)


def _show_rejected(rejected: list[Rejected], count: int | None = None) -> None:
    for row in rejected[:SHOWN_ROWS]:
        show(text("cli.rejected_row", line=row.line, reason=row.text()))
    more = (count or len(rejected)) - SHOWN_ROWS
    if more > 0:
        show(text("cli.rejected_more", count=more))


def _inspection(found: Inspection) -> dict[str, object]:
    return {
        "format": found.table.format,
        "shape": found.shape,
        "encoding": found.encoding,
        "rows": found.rows,
        "usable": len(found.examples),
        "columns": found.table.columns,
        "question_column": found.table.question_column,
        "answer_column": found.table.answer_column,
        "problems": [_with_reason(row.as_dict(), row) for row in found.rejected],
        "examples": found.preview(),
    }


def _with_reasons(report: dict[str, Any]) -> dict[str, Any]:
    return report | {"rejected": [_with_reason(row, Rejected(**row)) for row in report["rejected"]]}


def _with_reason(row: dict[str, Any], rejected: Rejected) -> dict[str, Any]:
    return {"line": row["line"], "code": row["code"], "reason": rejected.text()}
