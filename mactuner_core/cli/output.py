"""How commands speak: results on stdout (for people, or one JSON document), everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from mactuner_core.messages import text

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def say(line: str) -> None:
    """Print a line for a person on stderr."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(line, markup=False)


def emit_json(data: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")
    sys.stdout.flush()


def show(line: str = "") -> None:
    """Print a line of the result on stdout, unstyled."""
    Console(highlight=False, soft_wrap=True).print(line, markup=False)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table on stdout; `columns` are message keys."""
    _print_table([text(column) for column in columns], rows, title)


def show_columns(first: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print things side by side on stdout, a column for each of `names` after the one headed `first`."""
    _print_table([first, *names], rows, None)


def _print_table(headers: Sequence[str], rows: Iterable[Sequence[object]], title: str | None) -> None:
    columns = [Column(header, overflow="fold") for header in headers]
    table = Table(*columns, title=title, title_justify="left", header_style="bold")
    for row in rows:
        table.add_row(*[str(cell) for cell in row])
    Console(highlight=False).print(table, markup=False)
