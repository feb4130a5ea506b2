"""Reading a dataset version back, as whole rows or as what a model is trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.rows import Example, Message
from mactuner_core.errors import InputError
from mactuner_core.workspace import is_complete

SPLITS = ("train", "validation")
PROMPT_ROWS = 50  # rows that must begin with the same system prompt before it counts as the one of all


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


def system_prompt_of(version: DatasetVersion) -> str:
    """Return the system prompt that the rows begin with, "" when they differ or have none.

    Of a version whose rows are gone it is the one in its recipe.
    """
    try:
        rows = list(islice(saved_rows(version, "train"), PROMPT_ROWS))
    except InputError:
        parts = (version.recipe.get(name) or {} for name in ("read", "kakaotalk"))
        return next((part["system_prompt"] for part in parts if part.get("system_prompt")), "")
    firsts = {str(row.messages[0]["content"]) for row in rows if row.messages and row.messages[0]["role"] == "system"}
    everywhere = all(row.messages and row.messages[0]["role"] == "system" for row in rows)
    return firsts.pop() if everywhere and len(firsts) == 1 else ""
