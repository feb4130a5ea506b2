"""Looking at a file before anything is kept of it: what it is, what is in it, which rows cannot be used and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mactuner_core.data.kakaotalk.summary import describe, problems_of
from mactuner_core.data.pipeline import source_rows
from mactuner_core.data.reading import Reading, open_reading
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.rows import Example, Message, Rejected
from mactuner_core.errors import InputError

KEPT_ROWS = 1000  # of each, usable and not; the counts are of all


@dataclass
class Inspection:
    """What a file holds: the first usable rows and the first others with their reasons, and the counts of both."""

    reading: Reading
    examples: list[Example] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    usable: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    chat: dict[str, Any] | None = None

    @property
    def rejected_count(self) -> int:
        """All rows that cannot be used."""
        return sum(self.reasons.values())

    @property
    def rows(self) -> int:
        """All rows of the file, usable or not; of a chat export its messages."""
        return int(self.chat["messages"]) if self.chat else self.usable + self.rejected_count

    @property
    def shape(self) -> str:
        """What a row is: "messages", "sharegpt", "alpaca", "question_answer", "text", "preference" or "chat"."""
        return self.reading.mapping.shape if self.reading.mapping else "chat"

    def preview(self, count: int = 3) -> list[list[Message]]:
        """Return the messages of the first `count` usable rows."""
        return [example.messages for example in self.examples[:count]]


def inspect_file(path: Path, recipe: Recipe | None = None) -> Inspection:
    """Read `path` as `recipe` says, without cleaning or masking; raises InputError when the file cannot be used.

    A chat export can be looked at before it is known who "me" is; there are no examples then.
    """
    recipe = recipe or Recipe()
    return inspect_reading(open_reading(path, recipe.read), recipe)


def inspect_reading(reading: Reading, recipe: Recipe, keep: int = KEPT_ROWS) -> Inspection:
    """Look at a file that was recognised already; `keep` is how many usable rows to return."""
    found = Inspection(reading)
    if reading.chat is not None:
        found.chat = describe(reading.chat)
        for problem in problems_of(reading.chat):
            _note(found, problem, keep)
        if recipe.kakaotalk is None:
            return found
    for row in source_rows(reading, recipe):
        _note(found, row, keep)
    if not found.usable and not found.reasons:
        raise InputError("data.only_header", path=reading.path)
    return found


def _note(found: Inspection, row: Example | Rejected, keep: int) -> None:
    if isinstance(row, Example):
        found.usable += 1
        if len(found.examples) < keep:
            found.examples.append(row)
    else:
        found.reasons[row.code] += 1
        if len(found.rejected) < KEPT_ROWS:
            found.rejected.append(row)
