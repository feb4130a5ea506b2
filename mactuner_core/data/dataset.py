"""Reading a dataset version back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.rows import Message
from mactuner_core.errors import InputError
from mactuner_core.workspace import is_complete


def read_examples(version: DatasetVersion, split: Literal["train", "validation"] = "train") -> list[list[Message]]:
    """Return the messages of every row of `split`; raises InputError when the version's folder is gone or damaged."""
    folder = Path(version.path)
    if not is_complete(folder):
        raise InputError("data.dataset_gone", dataset=version.id, path=folder)
    try:
        with (folder / f"{split}.jsonl").open(encoding="utf-8") as file:
            return [json.loads(line)["messages"] for line in file]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError("data.dataset_damaged", dataset=version.id, path=folder, reason=problem) from problem
