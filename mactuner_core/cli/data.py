"""`mactuner data`: looking at files and making dataset versions of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli import (
    data_export,
    data_mask,
    data_parse,
    data_remove,
    data_stats,
    data_synthesize,
    data_validate,
)
from mactuner_core.cli.options import parse_assignments, with_settings
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.config import read_yaml
from mactuner_core.data.importing import import_file
from mactuner_core.data.inspect import Inspection, inspect_file
from mactuner_core.data.recipe import ReadRecipe, Recipe
from mactuner_core.data.rows import Rejected
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace

SHOWN_ROWS = 20

MeOption = Annotated[str | None, typer.Option(help=text("cli.me_help"))]
SetOption = Annotated[list[str] | None, typer.Option("--set", help=text("cli.recipe_set_help"))]
RecipeOption = Annotated[Path | None, typer.Option(help=text("cli.recipe_help"))]


def commands() -> typer.Typer:
    """Return the group of commands."""
    group = typer.Typer(no_args_is_help=True)
    for name, function in (("inspect", inspect), ("import", import_data), ("list", list_data)):
        group.command(name, help=text(f"cli.data_{name}_help"))(function)
    for module in (data_parse, data_mask, data_stats, data_validate, data_export, data_synthesize, data_remove):
        module.add_to(group)
    return group


@with_settings(ReadRecipe)
def inspect(file: Path, settings: dict[str, Any], me: MeOption = None, json: JsonOption = False) -> None:
    values: dict[str, Any] = {"read": settings} | ({"kakaotalk": {"me": me}} if me else {})
    found = inspect_file(file, Recipe.check(values))
    if json:
        emit_json(_inspection(found))
        return
    reading = found.reading
    show(text("cli.inspected", format=reading.format, shape=found.shape, encoding=reading.encoding))
    if found.chat:
        speakers = ", ".join(f"{name} {count}" for name, count in found.chat["speakers"].items())
        show(
            text("cli.inspected_chat", layout=found.chat["layout"], messages=found.chat["messages"], speakers=speakers)
        )
    else:
        show(text("cli.rows_found", rows=found.rows, usable=found.usable, rejected=found.rejected_count))
    for message in (message for messages in found.preview(2) for message in messages):
        show(f"  {message['role']:>9}: {message['content']}")
    _show_rejected(found.rejected, found.rejected_count)


@with_settings(ReadRecipe)
def import_data(
    file: Path,
    name: Annotated[str, typer.Option()],
    settings: dict[str, Any],
    recipe: RecipeOption = None,
    me: MeOption = None,
    mask_pii: Annotated[bool, typer.Option("--mask-pii", help=text("cli.mask_pii_help"))] = False,
    validation_share: Annotated[float | None, typer.Option(help=text("cli.validation_share_help"))] = None,
    seed: Annotated[int | None, typer.Option(help=text("cli.split_seed_help"))] = None,
    model: Annotated[str | None, typer.Option(help=text("cli.tokenizer_help"))] = None,
    assignments: SetOption = None,
    json: JsonOption = False,
) -> None:
    values = read_yaml(recipe) if recipe else {}
    _put(values, "read", settings)
    _put(values, "kakaotalk", {"me": me} if me else {})
    _put(values, "split", {"validation_share": validation_share} if validation_share is not None else {})
    _put(values, "split", {"seed": seed} if seed is not None else {})
    if mask_pii:
        values["privacy"] = values.get("privacy") or {}
    for path, value in parse_assignments(assignments or []).items():
        section, _, field = path.partition(".")
        _put(values, section, {field: value})
    workspace = open_workspace()
    catalog = open_catalog(workspace)
    tokenizer_path = Path(catalog.model(model).path) if model else None
    version = import_file(workspace, catalog, file, name, Recipe.check(values), tokenizer_path=tokenizer_path)
    if json:
        rows = {"train_rows": version.train_rows, "validation_rows": version.validation_rows}
        emit_json({"id": version.id, **rows, "path": version.path, "report": _with_reasons(version.report)})
        return
    show(text("cli.imported", id=version.id, train=version.train_rows, validation=version.validation_rows))
    if privacy := version.report.get("privacy"):
        counts = ", ".join(f"{kind} {count}" for kind, count in privacy["counts"].items()) or "0"
        show(text("cli.masked", counts=counts))
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


def _put(values: dict[str, Any], section: str, given: dict[str, Any]) -> None:
    if given:
        values[section] = (values.get(section) or {}) | given


def _show_rejected(rejected: list[Rejected], count: int) -> None:
    for row in rejected[:SHOWN_ROWS]:
        show(text("cli.rejected_row", line=row.line, reason=row.text()))
    if count > SHOWN_ROWS:
        show(text("cli.rejected_more", count=count - SHOWN_ROWS))


def _inspection(found: Inspection) -> dict[str, object]:
    mapping = found.reading.mapping
    facts: dict[str, object] = {
        "format": found.reading.format,
        "shape": found.shape,
        "encoding": found.reading.encoding,
        "rows": found.rows,
        "usable": found.usable,
        "columns": found.reading.columns,
        "question_column": mapping.question if mapping else None,
        "answer_column": mapping.answer if mapping else None,
        "problems": [_with_reason(row.as_dict(), row) for row in found.rejected],
        "reasons": dict(found.reasons),
        "examples": found.preview(),
    }
    return (found.chat or {}) | facts


def _with_reasons(report: dict[str, Any]) -> dict[str, Any]:
    return report | {"rejected": [_with_reason(row, Rejected(**row)) for row in report["rejected"]]}


def _with_reason(row: dict[str, Any], rejected: Rejected) -> dict[str, Any]:
    return {"line": row["line"], "code": row["code"], "reason": rejected.text()}
