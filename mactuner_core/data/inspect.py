"""Looking at a file before anything is kept of it: what it is, what is in it, which rows cannot be used and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mactuner_core.data.recipe import ImportRecipe
from mactuner_core.data.rows import Example, Message, Rejected, Table, read_rows, recognise
from mactuner_core.data.text_file import read_text_file
from mactuner_core.errors import InputError


@dataclass(frozen=True)
class Inspection:
    """What a file holds: `examples` are the usable rows, `rejected` the others, both with line numbers."""

    table: Table
    encoding: str
    sha256: str
    examples: list[Example]
    rejected: list[Rejected]

    @property
    def rows(self) -> int:
        """All rows of the file, usable or not."""
        return len(self.examples) + len(self.rejected)

    @property
    def shape(self) -> str:
        """What a row is: "messages" or "question_answer"."""
        return "messages" if self.table.question_column is None else "question_answer"

    def preview(self, count: int = 3) -> list[list[Message]]:
        """Return the messages of the first `count` usable rows."""
        return [example.messages for example in self.examples[:count]]


def inspect_file(path: Path, recipe: ImportRecipe | None = None) -> Inspection:
    """Read `path` as `recipe` says; raises InputError when the file as a whole cannot be used."""
    recipe = recipe or ImportRecipe()
    file = read_text_file(path)
    table = recognise(file, recipe)
    examples: list[Example] = []
    rejected: list[Rejected] = []
    for row in read_rows(file, table, recipe):
        (examples if isinstance(row, Example) else rejected).append(row)  # type: ignore[arg-type]
    if not examples and not rejected:
        raise InputError("data.only_header", path=path)
    return Inspection(table, file.encoding, file.sha256, examples, rejected)
