"""The rows that figures are counted over, from a saved dataset version or from rows in memory, one after the other."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from mactuner_core.data.records import Record
from mactuner_core.data.rows import Example
from mactuner_core.errors import InputError

NO_TIME = -1


class Row(NamedTuple):
    """One row: its line (from 1), its columns, its texts with who says them, and the hour of the week (0: Monday 0:00).

    Who says a text is the role of a message, "chosen" or "rejected", "text", or the column of a table. The hour is NO_TIME
    when the row has none.
    """

    line: int
    fields: Mapping[str, Any]
    texts: list[tuple[str, str]]
    hour: int = NO_TIME


def row_of(example: Example | Record | Mapping[str, Any], line: int) -> Row:
    """Return `example`, a record of a file, or the columns of a table's row at `line`, as a Row."""
    if isinstance(example, Record):
        return Row(example.line, example.fields, texts_of(example.fields))
    if not isinstance(example, Example):
        return Row(line, example, texts_of(example))
    fields = example.as_row()
    time = getattr(example, "time", None)  # examples made of a chat have one
    hour = time.weekday() * 24 + time.hour if isinstance(time, datetime) else NO_TIME
    return Row(example.line, fields, texts_of(fields), hour)


def texts_of(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return who says what in a row; of a table's row every column that holds a text."""
    found = [
        (str(message.get("role", "")), message["content"])
        for message in fields.get("messages") or ()
        if isinstance(message, dict) and isinstance(message.get("content"), str)
    ]
    for side in ("chosen", "rejected"):
        if isinstance(messages := fields.get(side), list):
            found += [
                (side, message["content"])
                for message in messages
                if isinstance(message, dict) and isinstance(message.get("content"), str)
            ]
    return found or [(name, value) for name, value in fields.items() if isinstance(value, str)]


def read_rows(path: Path, dataset: str, wanted: Container[int] | None = None) -> Iterator[Row]:
    """Yield the rows of a `train.jsonl` or `validation.jsonl`, only those whose number from 0 is in `wanted`.

    Raises InputError when the file is gone or a line of it is no row.
    """
    number, decode = 0, json.JSONDecoder().raw_decode  # json.loads without its checks
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file):
                if wanted is None or number in wanted:
                    fields, end = decode(line)
                    if end + 1 < len(line) and line[end:].strip():
                        raise ValueError("more than one value")
                    yield Row(number + 1, fields, texts_of(fields))
    except (OSError, ValueError, AttributeError, TypeError) as problem:
        reason = f"{path.name}, {number + 1}: {problem}"
        raise InputError("data.dataset_damaged", dataset=dataset, path=path.parent, reason=reason) from problem


def given_rows(examples: Iterable[Example | Record | Mapping[str, Any]]) -> Iterator[Row]:
    """Yield rows that are in memory; rows of a table count their lines from 1."""
    for number, example in enumerate(examples, start=1):
        yield row_of(example, number)
