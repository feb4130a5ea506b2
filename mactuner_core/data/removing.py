"""Removing a dataset version: its rows and figures are deleted, its name stays taken, what was made from it goes on.

Not removed: the person's own file, copies that were exported, and what a model has learned.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.errors import InputError
from mactuner_core.workspace import Workspace

SPOKEN_TO_MODELS = ("system_prompt", "instruction")  # needed to ask a model as it was trained


@dataclass(frozen=True)
class Users:
    """What was made from a version: ids of runs and models, and of the jobs that read it now."""

    runs: list[str]
    models: list[str]
    jobs: list[str]


def users_of(workspace: Workspace, catalog: Catalog, version: DatasetVersion) -> Users:
    """Return what depends on a version."""
    runs = [run.id for run in catalog.runs() if run.dataset_id == version.id]
    models = [model.id for model in catalog.models() if model.dataset_id == version.id]
    names = {version.id, version.path, *runs}
    if catalog.dataset(version.name).id == version.id:
        names.add(version.name)
    working = [job for job in jobs.list_jobs(workspace.jobs) if not job.ended and job.kind != "import"]
    return Users(runs, models, [job.id for job in working if names & set(_words(_spec(job.folder)))])


def remove_version(workspace: Workspace, catalog: Catalog, ref: str) -> DatasetVersion:
    """Delete rows, recipe, report and figures of the version `ref` (name@number), and return what it was.

    The files go before the catalogue's row, so that after a crash the version is still listed and can be removed again.
    Raises NotFoundError, or InputError while a job uses it.
    """
    version = catalog.dataset(ref)
    if busy := users_of(workspace, catalog, version).jobs:
        raise InputError("data_versions.in_use", dataset=version.id, jobs=", ".join(busy))
    folder = workspace.datasets / version.name / f"v{version.number}"
    for place in (folder, folder.with_name(f"{folder.name}.stats")):
        _remove(place)
    catalog.forget_dataset(version.id, _kept(version.recipe))
    with contextlib.suppress(OSError):
        folder.parent.rmdir()  # only when it is empty
    return version


def _remove(folder: Path) -> None:
    """Delete a folder; it is renamed first, so that nobody reads half of it."""
    gone = folder.with_name(f".new-{folder.name}-removed")
    if gone.exists():
        shutil.rmtree(gone)  # of a removal that a crash broke off
    if folder.exists():
        folder.replace(gone)
        shutil.rmtree(gone)


def _kept(recipe: dict[str, Any]) -> dict[str, Any]:
    parts = {name: part for name, part in recipe.items() if name in ("read", "kakaotalk") and part}
    return {name: {field: part[field] for field in SPOKEN_TO_MODELS if part.get(field)} for name, part in parts.items()}


def _spec(folder: Path) -> Any:
    try:
        return json.loads((folder / "spec.json").read_text(encoding="utf-8")).get("spec")
    except (OSError, ValueError):
        return None


def _words(spec: Any) -> Iterator[str]:
    """Yield every text in what a job was asked to do."""
    if isinstance(spec, str):
        yield spec
    elif isinstance(spec, dict | list):
        for part in spec.values() if isinstance(spec, dict) else spec:
            yield from _words(part)
