"""Rows of JSON as columns of a Parquet file.

A column holds one kind of value. Messages become a list of structs; what is nested otherwise, or of several kinds, becomes
JSON text, and a note says so. Written in batches, so that memory does not grow with the rows.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.messages import text

BATCH_ROWS = 2000
CONVERSATIONS = ("messages", "chosen", "rejected")

Row = dict[str, Any]
Kinds = dict[str, str]  # of a column or of a message's field: "text", "bool", "int", "float" or "json"


@dataclass(frozen=True)
class Note:
    """Something a person should know about a copy: a message code and its values."""

    code: str
    values: dict[str, object]

    def text(self, language: str | None = None) -> str:
        """Return the sentence in `language`, or in the current language."""
        return text(self.code, language, **self.values)


@dataclass(frozen=True)
class Layout:
    """The kind of every column and, for those that are conversations, of every field of a message."""

    columns: Kinds
    fields: Kinds

    def notes(self) -> list[Note]:
        """Return a note for each column whose values are written as JSON text."""
        names = [name for name, kind in self.columns.items() if kind == "json"]
        names += [f"messages.{name}" for name, kind in self.fields.items() if kind == "json"]
        return [Note("formats.column_as_json", {"column": name}) for name in names]


def layout_of(rows: Iterable[Row]) -> Layout:
    """Return the layout that holds all `rows`; the files of one dataset must share it."""
    columns: Kinds = {}
    fields: Kinds = {"role": "text", "content": "text"}
    for row in rows:
        for name, value in row.items():
            if name in CONVERSATIONS:
                columns[name] = "messages"
                for key, part in ((key, part) for message in value for key, part in message.items()):
                    _note_kind(fields, key, part)
            else:
                _note_kind(columns, name, value)
    known = [{name: kind or "text" for name, kind in kinds.items()} for kinds in (columns, fields)]
    return Layout(*known)


def write_parquet(rows: Iterable[Row], layout: Layout, path: Path) -> int:
    """Write `rows` to `path` and return how many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([_field(name, kind, layout.fields) for name, kind in layout.columns.items()])
    count, remaining = 0, iter(rows)
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(itertools.islice(remaining, BATCH_ROWS)):
            shaped = [_shaped(row, layout.columns, layout.fields) for row in batch]
            writer.write_table(pa.Table.from_pylist(shaped, schema=schema))
            count += len(batch)
    return count


def _note_kind(kinds: Kinds, name: str, value: Any) -> None:
    kind = _kind(value)
    before = kinds.get(name) or kind
    kinds[name] = before if kind in ("", before) else "json"


def _kind(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return "json"
    return {str: "text", bool: "bool", int: "int", float: "float"}.get(type(value), "json")


def _shaped(row: Row, columns: Kinds, fields: Kinds) -> Row:
    shaped = {}
    for name, value in row.items():
        if columns[name] == "messages":
            shaped[name] = [{key: _cell(part, fields[key]) for key, part in message.items()} for message in value]
        else:
            shaped[name] = _cell(value, columns[name])
    return shaped


def _cell(value: Any, kind: str) -> Any:
    return json.dumps(value, ensure_ascii=False) if kind == "json" and value is not None else value


def _field(name: str, kind: str, fields: Kinds) -> Any:
    import pyarrow as pa

    types = {"text": pa.string(), "json": pa.string(), "bool": pa.bool_(), "int": pa.int64(), "float": pa.float64()}
    if kind != "messages":
        return pa.field(name, types[kind])
    return pa.field(name, pa.list_(pa.struct([pa.field(key, types[part]) for key, part in fields.items()])))
