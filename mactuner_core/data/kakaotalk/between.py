"""The lines between two records: headers, date lines, system lines without a time, further lines of a message.

A line inside a message can look like a date line. It is one

- where every message carries its date: if the next line is a message of that day, and the day is a new one;
- elsewhere: if a message, a system line, another date or the end follows, or if it stands between dashes with a later day
  than the one before. The day that already holds is never said again.

Anything else that looks like one stays in the message as a "doubt". A line that has the whole form of a system line cannot
be told from one and counts as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mactuner_core.data.kakaotalk.layouts import DASHES, SAVED, Layout, title_of
from mactuner_core.data.kakaotalk.moments import read_day

Meaning = Literal["text", "doubt", "day", "export", "saved", "system", "header", "nothing"]


class Row(NamedTuple):
    """A line that is not blank, and where it begins and stops in the text."""

    text: str
    begin: int
    stop: int


@dataclass
class Place:
    """Where the lines stand: the `day` that holds, the day of the next record if it carries one, and whether a message
    is open for further lines."""

    layout: Layout
    day: int | None
    next_day: int | None
    is_open: bool


def rows_between(text: str, start: int, end: int) -> list[Row]:
    """Return the lines from `start` to `end` that are not blank."""
    rows = []
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        line = text[start:stop]
        if row := line.strip("\ufeff \t\r") and line.rstrip("\r"):
            rows.append(Row(row, start, start + len(row)))
        start = stop + 1
    return rows


def meanings(rows: list[Row], place: Place) -> Iterator[tuple[Meaning, Row]]:
    """Yield what each line is; "doubt" is a further line of the message that looks like a date line."""
    for index, row in enumerate(rows):
        meaning = _meaning(rows, index, place)
        if meaning == "day":
            place.day, place.is_open = day_of(row.text, place.layout), False
        elif meaning == "export":
            place.day, place.is_open = None, False
        elif meaning == "system":
            place.is_open = True
        yield meaning, row


def day_of(line: str, layout: Layout) -> int | None:
    """Return the day a date line says, or None when it is no date line."""
    found = layout.date.fullmatch(line) if layout.date else None
    return read_day(found["date"]) if found else None


def _meaning(rows: list[Row], index: int, place: Place) -> Meaning:
    line = rows[index].text
    if day_of(line, place.layout) is not None:
        return "day" if _starts_day(rows, index, place) else "doubt" if place.is_open else "nothing"
    if DASHES.fullmatch(line) and _beside_day(rows, index, place):
        return "nothing"
    if title_of(line) and index + 1 < len(rows) and SAVED.fullmatch(rows[index + 1].text):
        return "export"
    if SAVED.fullmatch(line) and not place.is_open:
        return "saved"
    if _is_system(line, place.layout):
        return "system"
    if place.is_open:
        return "text"
    return "header" if place.day is None else "system"


def _starts_day(rows: list[Row], index: int, place: Place) -> bool:
    line, layout = rows[index].text, place.layout
    day = day_of(line, layout)
    after = _after_dashes(rows, index + 1)
    if layout.dated:
        return after is None and day == place.next_day and day != place.day
    if not place.is_open:
        return True
    if day == place.day:
        return False
    if after is None or day_of(after, layout) is not None or _is_system(after, layout):
        return True
    return line.startswith("-") and (place.day is None or (day or 0) > place.day)


def _after_dashes(rows: list[Row], index: int) -> str | None:
    while index < len(rows) and DASHES.fullmatch(rows[index].text):
        index += 1
    return rows[index].text if index < len(rows) else None


def _beside_day(rows: list[Row], index: int, place: Place) -> bool:
    """Tell whether the dashes at `index` frame a date line; those after it come when no message is open."""
    if not place.is_open:
        return True
    following = index + 1
    return (
        following < len(rows)
        and day_of(rows[following].text, place.layout) is not None
        and _starts_day(rows, following, place)
    )


def _is_system(line: str, layout: Layout) -> bool:
    return bool(layout.untimed_system and line.endswith((".", "다")) and layout.untimed_system.fullmatch(line))
