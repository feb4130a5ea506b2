"""`mactuner data export`: a copy of a dataset for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.output import JsonOption, emit_json, show
from mactuner_core.data.formats import SPLITS, Exported, Format, default_path, export_dataset
from mactuner_core.data.rows import Rejected
from mactuner_core.errors import InputError
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace

SHOWN_ROWS = 10


def add_to(group: typer.Typer) -> None:
    """Add the command `export` to the group of data commands."""
    group.command("export", help=text("formats.export_help"))(export_data)


def export_data(
    dataset: Annotated[str, typer.Argument(help="NAME | NAME@VERSION")],
    format: Annotated[str, typer.Option("--format", help=text("formats.format_help"))],
    out: Annotated[Path | None, typer.Option("--out", help=text("formats.out_help"))] = None,
    split: Annotated[str, typer.Option("--split", help=text("formats.split_help"))] = "all",
    json: JsonOption = False,
) -> None:
    """Write the copy and say what was left out of it."""
    if split not in SPLITS:
        raise InputError("formats.unknown_split", split=split, allowed=", ".join(SPLITS))
    version = open_catalog(open_workspace()).dataset(dataset)
    wanted = cast(Format, format)  # what is none is refused there
    path = (out or default_path(version, split, wanted)).expanduser().resolve()
    done = export_dataset(version, split, wanted, path)
    if json:
        emit_json(_as_dict(version.id, done))
        return
    splits = ", ".join(f"{name} {count}" for name, count in done.rows.items())
    show(text("formats.exported", rows=sum(done.rows.values()), splits=splits, path=done.path))
    for note in done.notes:
        show(note.text())
    _show_left_out([(name, row) for name, rows in done.left_out.items() for row in rows])
    if done.format == "hf":
        show(text("formats.load_hint", path=done.path))


def _show_left_out(left_out: list[tuple[str, Rejected]]) -> None:
    if left_out:
        show(text("formats.left_out", count=len(left_out)))
    for split, row in left_out[:SHOWN_ROWS]:
        show(text("formats.left_out_row", split=split, line=row.line, reason=row.text()))
    if len(left_out) > SHOWN_ROWS:
        show(text("formats.left_out_more", count=len(left_out) - SHOWN_ROWS))


def _as_dict(dataset: str, done: Exported) -> dict[str, object]:
    left_out = [
        {"split": split} | row.as_dict() | {"reason": row.text()}
        for split, rows in done.left_out.items()
        for row in rows
    ]
    return {
        "dataset": dataset,
        "format": done.format,
        "path": done.path,
        "files": done.files,
        "rows": done.rows,
        "left_out": left_out,
        "notes": [note.text() for note in done.notes],
    }
