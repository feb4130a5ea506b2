"""The collections of a workspace: made, opened, listed, removed."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import time
from pathlib import Path

from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.embedder import EmbeddingModel
from mactuner_core.rag.store import Store
from mactuner_core.rag.uploads import clear_uploads
from mactuner_core.rag.write_lock import write_lock
from mactuner_core.workspace import Workspace, check_name, is_complete, new_folder, write_text

SETTINGS = "settings.yaml"


def create_collection(workspace: Workspace, name: str, config: RagConfig | None = None) -> Collection:
    """Make an empty collection; raises InputError when the name is taken or cannot be one."""
    final = workspace.collections / check_name(name)
    if name in list_collections(workspace):
        raise InputError("rag.name_taken", name=name)
    with new_folder(final) as folder:
        for part in ("segments", "files"):
            (folder / part).mkdir()
        begin_store(folder, absolute(config or RagConfig()))
    return Collection(workspace, name)


def open_collection(workspace: Workspace, name: str, embedder: EmbeddingModel | None = None) -> Collection:
    """Open a collection, with its embedding model when it is loaded already.

    Raises NotFoundError naming the known ones, WorkError when its files are damaged.
    """
    known = list_collections(workspace)
    if name not in known:
        raise NotFoundError("rag.no_collection", name=name, known=", ".join(known) or "–")
    return Collection(workspace, name, embedder)


def list_collections(workspace: Workspace) -> list[str]:
    """Return the names of all collections."""
    if not workspace.collections.is_dir():
        return []
    return sorted(path.name for path in workspace.collections.iterdir() if path.name[0] != "." and is_complete(path))


def remove_collection(workspace: Workspace, name: str) -> None:
    """Remove a collection with everything in it, uploads for it too.

    Raises NotFoundError, or WorkError while somebody writes to it.
    """
    known = list_collections(workspace)
    if name not in known:
        raise NotFoundError("rag.no_collection", name=name, known=", ".join(known) or "–")
    folder = workspace.collections / name
    with write_lock(folder):
        gone = folder.with_name(f".new-removed-{name}-{secrets.token_hex(4)}")
        folder.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)
    clear_uploads(workspace, name)


def begin_store(folder: Path, config: RagConfig) -> None:
    """Make the empty SQLite file of a collection, and its settings beside it in words, for when that file is damaged."""
    write_text(folder / SETTINGS, config.to_yaml())
    now = time.time()
    facts = {"version": 1, "settings": config.model_dump(mode="json"), "created_at": now, "updated_at": now}
    rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in facts.items()]
    with contextlib.closing(Store(folder)) as store, store.change() as database:
        database.executemany("INSERT INTO meta VALUES (?, ?)", rows)


def absolute(config: RagConfig) -> RagConfig:
    """Return settings with the whole path of a model's folder: the next command may run elsewhere."""
    place = Path(config.embedding_model).expanduser()
    return config.model_copy(update={"embedding_model": str(place.resolve())}) if place.is_dir() else config
