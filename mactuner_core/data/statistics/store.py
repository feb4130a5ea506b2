"""Figures on disk: one folder for each part, with the numbers as JSON and every array as a file that is mapped, not read.

A part is kept beside the dataset version it belongs to, in `datasets/<name>/v<number>.stats/`, under a name made of all it
depends on: the files of the version, the tokenizer. Folders of versions stay as they were saved.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.statistics.part import Array, Part
from mactuner_core.workspace import is_complete, new_folder, write_json

FORM = 1  # changes whenever figures are counted in another way
FIGURES = "figures.json"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
SPLITS = ("train.jsonl", "validation.jsonl")


def part_folder(version: DatasetVersion, name: str, depends_on: str = "") -> Path:
    """Return where the part `name` of a version is kept; `depends_on` is what else decides its figures."""
    folder = Path(version.path)
    key = hashlib.sha256(f"{FORM}\n{version.id}\n{depends_on}\n".encode())
    for split in SPLITS:
        if (folder / split).is_file():
            found = (folder / split).stat()
            key.update(f"{found.st_size} {found.st_mtime_ns}\n".encode())
    return statistics_folder(version) / f"{name}-{key.hexdigest()[:16]}"


def statistics_folder(version: DatasetVersion) -> Path:
    """Return the folder of all figures of a version; it may be removed at any time."""
    folder = Path(version.path)
    return folder.with_name(f"{folder.name}.stats")


def tokenizer_mark(folder: Path) -> str:
    """Return a mark that changes when the tokenizer or the chat template in `folder` does."""
    mark = hashlib.sha256()
    for name in TOKENIZER_FILES:
        if (folder / name).is_file():
            mark.update(name.encode() + b"\0" + (folder / name).read_bytes() + b"\0")
    return mark.hexdigest()


def save_part(folder: Path, part: Part) -> None:
    """Write `part` to `folder`, whole or not at all; when another process was faster, its figures stay."""
    try:
        with new_folder(folder) as temporary:
            write_json(temporary / FIGURES, part.figures)
            for name, values in part.arrays.items():
                np.save(temporary / f"{name}.npy", values, allow_pickle=False)
    except OSError:
        if not is_complete(folder):
            raise


def load_part(folder: Path) -> Part | None:
    """Return the part kept in `folder`; None when there is none or it cannot be read."""
    if not is_complete(folder):
        return None
    try:
        figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
        return Part(figures, {file.stem: _mapped(file) for file in folder.glob("*.npy")})
    except (OSError, ValueError):
        return None


def _mapped(file: Path) -> Array:
    """Return the array in `file` without reading it yet; numpy cannot map an empty one."""
    mapped: Array = (
        np.load(file, mmap_mode="r", allow_pickle=False)
        if file.stat().st_size > 256
        else np.load(file, allow_pickle=False)
    )
    return mapped
