"""Reading a dataset version back, as whole rows or as what a model is trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.rows import Example, Message
from mactuner_core.errors import InputError
from mactuner_core.workspace import is_complete

SPLITS = ("train", "validation")


def saved_rows(version: DatasetVersion, split: str) -> Iterator[Example]:
    """Yield the rows of `split` with all their fields; raises InputError when the version is gone or damaged."""
    folder = Path(version.path)
    if not is_complete(folder):
        raise InputError("data.dataset_gone", dataset=version.id, path=folder)
    try:
        with (folder / f"{split}.jsonl").open(encoding="utf-8") as file:
            for line, content in enumerate(file, start=1):
                row = dict(json.loads(content))
                yield Example(line, row.pop("messages", []), row)
    except (OSError, ValueError, TypeError) as problem:
        raise InputError("data.dataset_damaged", dataset=version.id, path=folder, reason=problem) from problem


def read_examples(version: DatasetVersion, split: str = "train") -> list[list[Message]]:
    """Return the messages of every row of `split`; raises InputError as `saved_rows` does, and for a row without messages."""
    rows = []
    for row in saved_rows(version, split):
        if not row.messages:
            reason = f"{split}.jsonl, {row.line}: messages"
            raise InputError("data.dataset_damaged", dataset=version.id, path=version.path, reason=reason)
        rows.append(row.messages)
    return rows
