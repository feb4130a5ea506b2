"""What models take up on the disk: the Hugging Face cache and the workspace, what of it is used, and how to be rid of it.

Only models are looked at; datasets in the same cache are left alone. Works without a network.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Model
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.models.hub import cache_folder
from mactuner_core.workspace import Workspace

PREFIX = "models--"
DOWNLOAD = "hub_download"


@dataclass(frozen=True)
class Kept:
    """One model on the disk. `bytes` includes `partial_bytes`, what a cut download left; `last_used` is UTC.

    `used_by` are ids of the catalogue, `path` the folder that could be loaded (None when nothing is whole), `busy` says
    that it is being downloaded now.
    """

    name: str
    place: Literal["hub", "workspace"]
    path: Path | None
    bytes: int
    partial_bytes: int
    last_used: datetime
    used_by: tuple[str, ...]
    busy: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self) | {"path": str(self.path) if self.path else None, "last_used": self.last_used.isoformat()}


def kept_models(workspace: Workspace, catalog: Catalog) -> list[Kept]:
    """Return every model in the Hugging Face cache and in the workspace, the largest first."""
    models = catalog.models()
    found = [*_in_cache(workspace, list(models)), *_in_workspace(workspace, list(models))]
    return sorted(found, key=lambda kept: kept.bytes, reverse=True)


def is_unfinished(repo_id: str) -> bool:
    """Tell whether a part of a model is there that a cut download left."""
    return any((cache_folder() / f"{PREFIX}{repo_id.replace('/', '--')}" / "blobs").glob("*.incomplete"))


def delete_kept(workspace: Workspace, catalog: Catalog, name: str) -> Kept:
    """Delete a model's files and return what it was.

    Raises NotFoundError for a name that is not on the disk, InputError while the catalogue uses it or it is downloaded.
    """
    known = {kept.name: kept for kept in kept_models(workspace, catalog)}
    kept = known.get(name)
    if kept is None:
        raise NotFoundError("models.not_kept", name=name, known=", ".join(sorted(known)) or "–")
    if kept.used_by:
        raise InputError("models.kept_is_used", name=name, users=", ".join(kept.used_by))
    if kept.busy:
        raise InputError("models.kept_is_busy", name=name)
    if kept.place == "workspace":
        shutil.rmtree(workspace.models / name)
    else:
        _delete_from_cache(name)
    return kept


def _delete_from_cache(repo_id: str) -> None:
    """Delete a model's folder; the library deletes by commit, which another repository may share."""
    folder = cache_folder() / f"{PREFIX}{repo_id.replace('/', '--')}"
    shutil.rmtree(folder)
    shutil.rmtree(cache_folder() / ".locks" / folder.name, ignore_errors=True)


def _in_cache(workspace: Workspace, models: list[Model]) -> list[Kept]:
    from huggingface_hub import scan_cache_dir

    cache = cache_folder()
    if not cache.is_dir():
        return []
    busy = {job.title for job in jobs.list_jobs(workspace.jobs) if job.kind == DOWNLOAD and not job.ended}
    whole = {repo.repo_path: repo for repo in scan_cache_dir(cache).repos if repo.repo_type == "model"}
    found = []
    for folder in sorted(path for path in cache.glob(f"{PREFIX}*") if path.is_dir()):
        repo = whole.get(folder)
        name = folder.name.removeprefix(PREFIX).replace("--", "/")
        parts = sum(part.stat().st_size for part in folder.glob("blobs/*.incomplete"))
        inside = [model.id for model in models if folder in Path(model.path).parents]
        newest = max(repo.revisions, key=lambda revision: revision.last_modified, default=None) if repo else None
        found.append(
            Kept(
                name=name,
                place="hub",
                path=newest.snapshot_path if newest and _has_weights(newest.snapshot_path) and not parts else None,
                bytes=(repo.size_on_disk if repo else 0) + parts,
                partial_bytes=parts,
                last_used=_moment(repo.last_accessed if repo and repo.nb_files else folder.stat().st_mtime),
                used_by=tuple(sorted(inside)),
                busy=name in busy,
            )
        )
    return found


def _in_workspace(workspace: Workspace, models: list[Model]) -> list[Kept]:
    found = []
    for folder in sorted(path for path in workspace.models.iterdir() if path.is_dir()):
        files = [file.stat() for file in folder.rglob("*") if file.is_file()]
        found.append(
            Kept(
                name=folder.name,
                place="workspace",
                path=folder if _has_weights(folder) else None,
                bytes=sum(file.st_size for file in files),
                partial_bytes=0,
                last_used=_moment(max([file.st_atime for file in files], default=folder.stat().st_mtime)),
                used_by=tuple(sorted(model.id for model in models if Path(model.path) == folder)),
                busy=folder.name.startswith(".new-"),
            )
        )
    return found


def _has_weights(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
