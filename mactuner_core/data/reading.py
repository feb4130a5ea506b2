"""One door for every file: what it is, and its rows as examples or with the reason why not.

KakaoTalk exports are looked for first: a Windows export starts like a JSON list, one from a Mac is a CSV.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.data import records
from mactuner_core.data.kakaotalk.chat import Chat
from mactuner_core.data.kakaotalk.layouts import find_layout
from mactuner_core.data.kakaotalk.parse import parse
from mactuner_core.data.recipe import ReadRecipe
from mactuner_core.data.records import Format, Record
from mactuner_core.data.rows import Example, Rejected
from mactuner_core.data.shapes import Mapping, recognise_shape, to_example
from mactuner_core.data.text_file import RawFile, TextFile, decode, read_raw_file
from mactuner_core.errors import InputError


@dataclass(frozen=True)
class Reading:
    """A file that was recognised; `mapping` is None for a chat export, `chat` for everything else."""

    path: Path
    format: Format
    encoding: str
    sha256: str
    columns: list[str]
    mapping: Mapping | None
    chat: Chat | None
    source: TextFile | RawFile


def open_reading(path: Path, recipe: ReadRecipe) -> Reading:
    """Recognise the file at `path`; raises InputError when it as a whole cannot be used."""
    raw = read_raw_file(path)
    if raw.is_parquet:
        return _reading(raw, "parquet", "binary", recipe)
    if not raw.content.strip():
        raise InputError("data.empty_file", path=path)
    file = decode(raw)
    if find_layout(file.text) is not None:
        return Reading(path, "kakaotalk", file.encoding, file.sha256, [], None, parse(file), file)
    return _reading(file, records.text_format(file), file.encoding, recipe)


def read_records(source: TextFile | RawFile, format: Format) -> Iterator[Record | Rejected]:
    """Yield the records of a file of `format`."""
    if isinstance(source, RawFile):
        return records.parquet_records(source)
    readers = {
        "csv": records.csv_records,
        "tsv": records.csv_records,
        "json": records.json_records,
        "jsonl": records.jsonl_records,
        "text": records.text_records,
    }
    return readers[format](source)


def read_rows(reading: Reading, recipe: ReadRecipe) -> Iterator[Example | Rejected]:
    """Yield every row of a file in order, as an example or with the reason; an exact repetition is left out."""
    assert reading.mapping is not None  # noqa: S101 (chats are read by kakaotalk.pairs)
    seen: dict[bytes, int] = {}
    for record in read_records(reading.source, reading.format):
        row = to_example(record, reading.mapping, recipe) if isinstance(record, Record) else record
        yield _first_time(row, seen) if isinstance(row, Example) else row


def _reading(source: TextFile | RawFile, format: Format, encoding: str, recipe: ReadRecipe) -> Reading:
    start = itertools.islice(read_records(source, format), records.LOOKED_AT)
    first = [record for record in start if isinstance(record, Record)]
    if format in ("csv", "tsv") and isinstance(source, TextFile):
        columns = records.csv_columns(source)
    else:
        columns = list(dict.fromkeys(name for record in first for name in record.fields))
    mapping = recognise_shape(source.path, columns, first, recipe)
    return Reading(source.path, format, encoding, source.sha256, columns, mapping, None, source)


def _first_time(example: Example, seen: dict[bytes, int]) -> Example | Rejected:
    content = json.dumps(example.as_row(), ensure_ascii=False, sort_keys=True)
    if "\ufffd" in content:
        return Rejected(example.line, "data.row_undecodable", {})
    try:
        mark = hashlib.blake2b(content.encode("utf-8"), digest_size=12).digest()
    except UnicodeEncodeError:  # JSON may carry half of a surrogate pair
        return Rejected(example.line, "data.row_half_character", {})
    first = seen.setdefault(mark, example.line)
    return example if first == example.line else Rejected(example.line, "data.row_duplicate", {"first": first})
