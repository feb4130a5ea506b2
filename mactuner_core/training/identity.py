"""What a run was made of, so that it is never gone on with anything else: `identity.json` of its folder.

The identity of a base model is its commit where it is a snapshot of the Hub's cache, else one SHA-256 over its
configuration, tokenizer and weights. Files whose size and time of change are as they were are not read again. Needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.dataset import SPLITS
from mactuner_core.errors import InputError
from mactuner_core.training.base import Base
from mactuner_core.workspace import write_json

FILE = "identity.json"
COMMIT = re.compile(r"[0-9a-f]{40}")
PATTERNS = ("config.json", "adapter_config.json", "tokenizer*", "chat_template.jinja", "*.safetensors")


def identity_of(base: Base, dataset: DatasetVersion, seed: int, versions: dict[str, str]) -> dict[str, Any]:
    """Return what decides a run besides its settings; reads the weights, some seconds for each ten gigabytes."""
    return {
        "model": {
            "id": base.model.id,
            "name": base.model.name,
            "source": base.model.source,
            "identity": model_identity(base),
            "files": _stats(base),
        },
        "dataset": dataset_identity(dataset),
        "versions": versions,
        "seed": seed,
    }


def write_once(run_folder: Path, base: Base, dataset: DatasetVersion, seed: int, versions: dict[str, str]) -> None:
    """Write `identity.json` at the first start of a run; later starts leave it."""
    if read(run_folder) is None:
        write_json(run_folder / FILE, identity_of(base, dataset, seed, versions))


def read(run_folder: Path) -> dict[str, Any] | None:
    """Return the content of `identity.json`, None when the run never got that far."""
    try:
        data = json.loads((run_folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def check_same(run_folder: Path, base: Base, dataset: DatasetVersion) -> None:
    """Raise InputError when base model or dataset are not those that the run in `run_folder` was started with."""
    known = read(run_folder)
    if known is None:
        raise InputError("resume.no_identity", run=run_folder.name)
    if known["dataset"] != dataset_identity(dataset):
        raise InputError("resume.other_dataset", run=run_folder.name, dataset=known["dataset"]["id"])
    model = known["model"]
    if model["files"] != _stats(base) and model["identity"] != model_identity(base):
        raise InputError("resume.other_model", run=run_folder.name, model=model["id"], path=base.folder)


def model_identity(base: Base) -> str:
    """Return the commit of a snapshot of the Hub, or "sha256:…" over the files that make the model, with its adapter's."""
    if base.adapter is None and base.folder.parent.name == "snapshots" and COMMIT.fullmatch(base.folder.name):
        return base.folder.name
    whole = hashlib.sha256()
    for name, file in _files(base):
        whole.update(f"{name}\n{_sha256(file)}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def dataset_identity(dataset: DatasetVersion) -> dict[str, str | None]:
    """Return the id of a dataset version and the SHA-256 of its splits, None for one that is not there."""
    splits = {split: Path(dataset.path) / f"{split}.jsonl" for split in SPLITS}
    hashes = {f"{split}_sha256": _sha256(path) if path.is_file() else None for split, path in splits.items()}
    return {"id": dataset.id} | hashes


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(base: Base) -> list[tuple[str, Path]]:
    """Return what the model and its adapter are made of, each file with its part and name."""
    parts = {"model": base.folder} | ({"adapter": base.adapter} if base.adapter else {})
    return sorted(
        (f"{part}/{file.name}", file)
        for part, folder in parts.items()
        for file in {file for pattern in PATTERNS for file in folder.glob(pattern)}
    )


def _stats(base: Base) -> dict[str, list[int]]:
    """Return size and time of change of each file: as long as they stay, the content does."""
    stats = {name: file.stat() for name, file in _files(base)}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}
