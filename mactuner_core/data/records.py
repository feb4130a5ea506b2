"""From a file to records: CSV and TSV, JSON, JSONL, Parquet and plain text, each record with the line it starts on.

What a record means is decided by `shapes.py`. A record that cannot be read comes back as Rejected, the others go on.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from mactuner_core.data.rows import Rejected
from mactuner_core.data.text_file import RawFile, TextFile
from mactuner_core.errors import InputError

Format = Literal["csv", "tsv", "json", "jsonl", "parquet", "text", "kakaotalk"]
MAXIMUM_FIELD_CHARACTERS = 10_000_000
LOOKED_AT = 200  # records read to tell what a file is
PARQUET_BATCH = 5000


@dataclass(frozen=True)
class Record:
    """One record: the line it starts on (its number, in Parquet and JSON lists), and its fields by name."""

    line: int
    fields: dict[str, Any]


def text_format(file: TextFile) -> Format:
    """Return the format of a text file by its content, with the file's ending only as a hint between CSV and text."""
    first = file.text.lstrip("\ufeff \t\r\n")
    if first.startswith("["):
        return "json"
    if first.startswith("{"):
        return "jsonl" if _is_object(first.split("\n", 1)[0]) else "json" if _is_object(first) else "jsonl"
    ending = file.path.suffix.lower()
    delimiter = find_delimiter(file.text)
    if ending in (".csv", ".tsv") or (_looks_like_table(file.text, delimiter) and ending != ".md"):
        return "tsv" if delimiter == "\t" else "csv"
    return "text"


def find_delimiter(content: str) -> str:
    """Return the sign that parts the columns of the header: comma, tab or semicolon."""
    header = content.lstrip("\ufeff\r\n").split("\n", 1)[0]
    return max(",\t;", key=header.count)


def csv_columns(file: TextFile) -> list[str]:
    """Return the column names of a CSV or TSV file; raises InputError when there is no readable header."""
    reader = csv.reader(io.StringIO(file.text.lstrip("\ufeff"), newline=""), delimiter=find_delimiter(file.text))
    try:
        return [name.strip() for name in next(reader)]
    except (csv.Error, StopIteration) as problem:
        raise InputError("data.bad_csv", path=file.path, line=1, reason=problem) from problem


def csv_records(file: TextFile) -> Iterator[Record | Rejected]:
    """Yield the rows of a CSV or TSV file below its header."""
    csv.field_size_limit(MAXIMUM_FIELD_CHARACTERS)
    columns = csv_columns(file)
    reader = csv.reader(io.StringIO(file.text.lstrip("\ufeff"), newline=""), delimiter=find_delimiter(file.text))
    line = 1
    try:
        for number, cells in enumerate(reader):
            start, line = line, reader.line_num + 1
            if number == 0 or not cells:
                continue
            if len(cells) != len(columns):
                yield Rejected(start, "data.row_ragged", {"found": len(cells), "expected": len(columns)})
            else:
                yield Record(start, dict(zip(columns, cells, strict=True)))
    except csv.Error as problem:
        yield Rejected(line, "data.row_bad_csv", {"reason": str(problem)})


def jsonl_records(file: TextFile) -> Iterator[Record | Rejected]:
    """Yield one record for each line that holds a JSON object."""
    for number, line in enumerate(io.StringIO(file.text.lstrip("\ufeff")), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as problem:
            yield Rejected(number, "data.row_bad_json", {"reason": str(problem)})
            continue
        yield _record(number, fields)


def json_records(file: TextFile) -> Iterator[Record | Rejected]:
    """Yield the objects of a JSON list, or of the first list in a JSON object; `line` is the number in the list.

    Raises InputError when the file is no JSON or holds no list of objects.
    """
    try:
        data = json.loads(file.text.lstrip("\ufeff"))
    except json.JSONDecodeError as problem:
        raise InputError("data.bad_json", path=file.path, line=problem.lineno, reason=problem.msg) from problem
    except RecursionError as problem:
        raise InputError("data.bad_json", path=file.path, line=1, reason=problem) from problem
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
        data = [data] if not lists or "messages" in data else lists[0]
    for number, fields in enumerate(data, start=1):
        yield _record(number, fields)


def text_records(file: TextFile) -> Iterator[Record | Rejected]:
    """Yield the paragraphs of a plain text, parted by blank lines."""
    paragraph: list[str] = []
    start = 1
    for number, line in enumerate(io.StringIO(file.text.lstrip("\ufeff")), start=1):
        if line.strip():
            start = start if paragraph else number
            paragraph.append(line.rstrip())
        elif paragraph:
            yield Record(start, {"text": "\n".join(paragraph)})
            paragraph = []
    if paragraph:
        yield Record(start, {"text": "\n".join(paragraph)})


def parquet_records(raw: RawFile) -> Iterator[Record | Rejected]:
    """Yield the rows of a Parquet file, some thousand at a time; raises InputError when it is damaged."""
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(io.BytesIO(raw.content)).iter_batches(PARQUET_BATCH):
            for fields in batch.to_pylist():
                number += 1
                yield _record(number, {name: value for name, value in fields.items() if value is not None})
    except (pyarrow.ArrowException, OSError) as problem:
        raise InputError("data.bad_parquet", path=raw.path, row=number + 1, reason=problem) from problem


def _record(number: int, fields: object) -> Record | Rejected:
    if isinstance(fields, dict):
        return Record(number, fields)
    return Rejected(number, "data.row_not_object", {"found": type(fields).__name__})


def _is_object(content: str) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


def _looks_like_table(content: str, delimiter: str) -> bool:
    """Tell whether the first rows have the same number of cells, two or more, as a table has and prose has not."""
    reader = csv.reader(io.StringIO(content.lstrip("\ufeff")[:200_000], newline=""), delimiter=delimiter)
    try:
        widths = [len(cells) for _, cells in zip(range(50), reader, strict=False) if cells]
    except csv.Error:
        return False
    return len(widths) > 1 and widths[0] > 1 and widths.count(widths[0]) >= 0.8 * len(widths)
