"""Counting what does not need a tokenizer: columns, lengths, turns, who says how much, duplicates and overlap.

Rows go through `add` one by one and are not kept; a row leaves about 40 bytes.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from mactuner_core.data.statistics.part import Array, Part, lengths, packed
from mactuner_core.data.statistics.same import SameTexts
from mactuner_core.data.statistics.source import NO_TIME, Row

MOST_COLUMNS = 100
MOST_PARTS = 32  # a bit each; further ones count as the last
OTHERS = "…"
SHOWN_EXTREMES = 20
ASCII_TEXT_BYTES, OTHER_TEXT_BYTES = 49, 74  # of an empty Python string; then 1 or 2 bytes a letter


class RowCounter:
    """Counts rows; `finish` gives the part "rows"."""

    def __init__(self) -> None:
        self._lines, self._characters, self._turns = array("i"), array("i"), array("i")
        self._said_by, self._hours = array("I"), array("h")
        self._exact, self._same = array("q"), SameTexts()
        self._columns: dict[str, _Column] = {}
        self._parts: dict[str, _PartCount] = {}
        self._memory_bytes = 0

    def add(self, row: Row) -> None:
        """Count one row."""
        number = len(self._lines)
        self._note_columns(number, row.fields)
        characters, system, said_by = 0, 0, 0
        for name, text in row.texts:
            part = self._parts.get(name) or self._new_part(name)
            size = len(text)
            part.texts += 1
            part.characters += size
            if not said_by & part.bit:
                said_by |= part.bit
                part.rows += 1
            characters += size
            system += name == "system"
            self._memory_bytes += ASCII_TEXT_BYTES + size if text.isascii() else OTHER_TEXT_BYTES + 2 * size
        self._lines.append(row.line)
        self._characters.append(characters)
        self._turns.append(len(row.texts) - system)
        self._said_by.append(said_by)
        self._hours.append(row.hour)
        self._exact.append(hash(tuple(row.texts)))
        self._same.add(" ".join([text for name, text in row.texts if name != "system"]))

    def finish(self, train_rows: int, file_bytes: int | None = None) -> Part:
        """Return the figures; the first `train_rows` rows were those to train on, the others those to validate with."""
        self._same.flush()
        count = len(self._lines)
        arrays: dict[str, Array] = {
            "lines": np.array(self._lines, dtype=np.int32),
            "characters": np.array(self._characters, dtype=np.int32),
            "turns": np.array(self._turns, dtype=np.int32),
            "said_by": np.array(self._said_by, dtype=np.uint32),
        }
        figures: dict[str, Any] = {
            "rows": count,
            "train_rows": train_rows,
            "validation_rows": count - train_rows,
            "file_bytes": file_bytes,
            "memory_bytes": self._memory_bytes,
            "characters": lengths(arrays["characters"]),
            "turns": lengths(arrays["turns"]),
            "parts": [part.as_dict(name) for name, part in self._parts.items()],
        }
        missing = [column.missing_rows(count) for column in self._columns.values()]
        figures["columns"] = [
            {"name": name, "missing": len(rows), "missing_share": len(rows) / count}
            for name, rows in zip(self._columns, missing, strict=True)
        ]
        arrays |= packed("missing", missing)
        exact, same = np.array(self._exact, dtype=np.int64), np.array(self._same.numbers, dtype=np.int64)
        self._add_duplicates(figures, arrays, exact, same)
        _add_overlap(figures, arrays, exact, same, train_rows)
        _add_extremes(figures, arrays, train_rows)
        _add_hours(figures, arrays, np.array(self._hours, dtype=np.int16))
        return Part(figures, arrays)

    def _note_columns(self, number: int, fields: Any) -> None:
        columns = self._columns
        present = 0
        for name, value in fields.items():
            column = columns.get(name)
            if column is None:
                if len(columns) == MOST_COLUMNS:
                    continue
                column = columns[name] = _Column(number)
            present += 1
            if (not value and not isinstance(value, int | float)) or (isinstance(value, str) and value.isspace()):
                column.empty.append(number)
        if present < len(columns):
            for name, column in columns.items():
                if name not in fields:
                    column.empty.append(number)

    def _new_part(self, name: str) -> _PartCount:
        if len(self._parts) >= MOST_PARTS - 1 and name != OTHERS:
            return self._parts.get(OTHERS) or self._new_part(OTHERS)
        part = self._parts[name] = _PartCount(1 << len(self._parts))
        return part

    @staticmethod
    def _add_duplicates(figures: dict[str, Any], arrays: dict[str, Array], exact: Array, same: Array) -> None:
        copies = sorted(_same_rows(same), key=lambda rows: (-len(rows), rows[0]))
        figures["duplicates"] = {
            "exact": len(exact) - len(np.unique(exact)),
            "normalised": len(same) - len(np.unique(same)),
            "groups": len(copies),
            "largest": [len(rows) for rows in copies[:SHOWN_EXTREMES]],
        }
        arrays |= packed("duplicates", copies)


class _Column:
    """A column: `empty` are the rows since `first` in which it has no value or is not there."""

    __slots__ = ("empty", "first")

    def __init__(self, first: int) -> None:
        self.first, self.empty = first, array("i")

    def missing_rows(self, count: int) -> Array:
        """Return the rows without a value; before its first row the column was not there."""
        return np.concatenate([np.arange(min(self.first, count)), np.array(self.empty, dtype=np.int64)])


class _PartCount:
    """Who says something: how many texts, characters, and rows with any."""

    __slots__ = ("bit", "characters", "rows", "texts")

    def __init__(self, bit: int) -> None:
        self.bit = bit
        self.texts = self.characters = self.rows = 0

    def as_dict(self, name: str) -> dict[str, Any]:
        return {"name": name, "texts": self.texts, "characters": self.characters, "rows": self.rows}


def _same_rows(keys: Array) -> list[Array]:
    """Return the groups of two and more rows with the same key, each in ascending order."""
    order = np.argsort(keys, kind="stable")
    ends = np.flatnonzero(np.diff(keys[order])) + 1
    starts = np.concatenate([[0], ends])
    stops = np.concatenate([ends, [len(keys)]])
    many = stops - starts > 1
    return [order[start:stop] for start, stop in zip(starts[many], stops[many], strict=True)]


def _add_overlap(figures: dict[str, Any], arrays: dict[str, Array], exact: Array, same: Array, train_rows: int) -> None:
    """Put in which validation rows are training rows too; `…_twins` is the first such training row of each."""
    found: dict[str, Any] = {}
    pairs = []
    for name, keys in (("exact", exact), ("normalised", same)):
        train, first = np.unique(keys[:train_rows], return_index=True)
        place = np.searchsorted(train, keys[train_rows:])
        hit = np.zeros(len(place), dtype=bool)
        inside = place < len(train)
        hit[inside] = train[place[inside]] == keys[train_rows:][inside]
        rows = np.flatnonzero(hit) + train_rows
        found[name] = len(rows)
        found[f"{name}_share"] = len(rows) / len(hit) if len(hit) else None
        pairs.append(np.column_stack([rows, first[place[hit]]]).ravel())
    figures["overlap"] = found
    arrays |= packed("overlap", pairs)


def _add_extremes(figures: dict[str, Any], arrays: dict[str, Array], train_rows: int) -> None:
    characters = arrays["characters"]
    order = np.argsort(characters, kind="stable")
    longest = np.argsort(-characters, kind="stable")[:SHOWN_EXTREMES]
    for name, rows in (("longest", longest), ("shortest", order[:SHOWN_EXTREMES])):
        figures[name] = [
            {
                "row": int(row),
                "split": "train" if row < train_rows else "validation",
                "line": int(arrays["lines"][row]),
                "characters": int(characters[row]),
            }
            for row in rows
        ]


def _add_hours(figures: dict[str, Any], arrays: dict[str, Array], hours: Array) -> None:
    """Put in when the rows were said, Monday 0:00 first, when any of them has a time."""
    known = hours[hours != NO_TIME]
    if len(known):
        figures["week"] = np.bincount(known, minlength=7 * 24).reshape(7, 24).tolist()
        arrays["week"] = hours
