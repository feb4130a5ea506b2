"""The rows of what a person names: a dataset version or a file, with nothing done to them but reading."""

from __future__ import annotations

from pathlib import Path

from mactuner_core.catalog import Catalog
from mactuner_core.data.dataset import SPLITS, saved_rows
from mactuner_core.data.reading import open_reading, read_rows
from mactuner_core.data.recipe import ReadRecipe
from mactuner_core.data.rows import Example, Rejected
from mactuner_core.errors import InputError

FILE_ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".txt", ".zip", ".gz")


def is_file_name(target: str) -> bool:
    """Tell whether `target` means a file and not a dataset: it is there, or it looks like a path."""
    path = Path(target).expanduser()
    return path.is_file() or path.suffix.lower() in FILE_ENDINGS or "/" in target


def file_rows(path: Path) -> list[Example | Rejected]:
    """Return every row of a file in order; raises InputError when it cannot be read, or is a chat not yet cut into rows."""
    recipe = ReadRecipe()
    reading = open_reading(path.expanduser(), recipe)
    if reading.mapping is None:
        raise InputError("rules.is_chat", path=path)
    return list(read_rows(reading, recipe))


def given_rows(catalog: Catalog, target: str) -> tuple[list[Example | Rejected], dict[int, str]]:
    """Return every row of a file, or of a dataset with the number of the row where each split begins.

    Raises NotFoundError or InputError.
    """
    if is_file_name(target):
        return file_rows(Path(target)), {}
    version = catalog.dataset(target)
    rows: list[Example | Rejected] = []
    splits = {}
    for split in SPLITS:
        splits[len(rows) + 1] = split
        rows += saved_rows(version, split)
    return rows, splits
