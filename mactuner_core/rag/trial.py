"""Trial collections: the documents of a collection cut in another way, to measure which way finds more. Nothing of them is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import create_collection
from mactuner_core.rag.documents.document import document_from_dict
from mactuner_core.workspace import Workspace


class Trials:
    """Makes trial collections in `folder`; embeddings go into the cache of `workspace`, so that a second run is quick."""

    def __init__(self, workspace: Workspace, collection: Collection, folder: Path) -> None:
        self._collection = collection
        self._workspace = Workspace(folder)
        self._workspace.collections.mkdir(parents=True)
        workspace.cache.mkdir(exist_ok=True)
        self._workspace.cache.symlink_to(workspace.cache, target_is_directory=True)
        self._made: list[Collection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._made:
            one.close()

    def build(self, chunk_tokens: int, overlap_percent: int) -> Collection:
        """Return a collection with all documents, cut with these settings."""
        changes = {"chunk_tokens": chunk_tokens, "overlap_percent": overlap_percent}
        config = self._collection.config.model_copy(update=changes)
        made = create_collection(self._workspace, f"trial-{len(self._made)}", config)
        self._made.append(made)
        made.reset(config, self._collection.embedder)
        with made.writer() as writer:
            for one in self._collection.documents():
                writer.put(document_from_dict(self._collection.store.content(one.id)), tags=one.tags, date=one.date)
        return made
