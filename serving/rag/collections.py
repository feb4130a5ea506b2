"""The collections a server answers from: who may ask which, and their search beside the event loop.

A question is embedded in the one thread of its model, on one core, one question at a time: more would take cores from the
models that write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mactuner_core.errors import NotFoundError
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import list_collections, open_collection
from mactuner_core.rag.config import SearchConfig
from mactuner_core.rag.embedder import EmbeddingModel, Vectors
from mactuner_core.rag.hits import Filters, Hit
from mactuner_core.server.settings_rag import ALL
from mactuner_core.workspace import COMPLETE, Workspace, open_workspace
from serving.api.embedding_worker import EmbeddingWorker

_WARMING = "문서"  # Korean, so that the analysis of Korean is loaded too
log = logging.getLogger("serving")
Allowed = frozenset[str] | None  # the collections that a key may ask; None: all


@dataclass(frozen=True)
class _Opened:
    collection: Collection
    worker: EmbeddingWorker
    made: tuple[int, int]  # tells a collection from a later one of its name


class Collections:
    """What `wanted` names: collections of the workspace, or all of them. Raises NotFoundError for one that is not there.

    `embedding` is the server's own embedding model; collections that were built with it share it.
    """

    def __init__(self, wanted: Sequence[str], embedding: EmbeddingWorker | None = None) -> None:
        self._workspace: Workspace | None = open_workspace() if wanted else None
        self._wanted = tuple(dict.fromkeys(wanted))
        self._embedding = embedding
        self._workers: dict[str, EmbeddingWorker] = {embedding.model: embedding} if embedding else {}
        self._opened: dict[str, _Opened] = {}
        self._opening = asyncio.Lock()
        if self._workspace and ALL not in self._wanted:
            for name in self._wanted:
                open_collection(self._workspace, name).close()

    def names(self, allowed: Allowed = None) -> list[str]:
        """Return the names that may be asked by a key that is `allowed` these."""
        if self._workspace is None:
            return []
        found = list_collections(self._workspace)
        served = found if ALL in self._wanted else [name for name in self._wanted if name in found]
        return [name for name in served if allowed is None or name in allowed]

    async def facts(self, allowed: Allowed = None) -> list[dict[str, Any]]:
        """Return what is known of each collection that may be asked, by name; raises WorkError for one that is damaged."""
        return await asyncio.to_thread(self._facts, self.names(allowed))

    async def search(self, name: str, query: str, config: SearchConfig, filters: Filters) -> list[Hit]:
        """Return what a collection has on a question, best first; raises why it or its model cannot be opened."""
        opened = await self._open(name)
        found, vector = opened.collection, None
        if config.method != "lexical":
            vector = await opened.worker.run(lambda embedder: _embedded(found, query))
        return await asyncio.to_thread(found.search, query, config, filters, vector=vector)

    async def warm(self) -> None:
        """Search each named collection once: libraries and models are loaded then, and the first question need not wait.

        What goes wrong is only logged; the person hears of it with an answer.
        """
        for name in self._wanted:
            if name != ALL:
                try:
                    await self.search(name, _WARMING, SearchConfig(), Filters())
                except Exception as problem:
                    log.warning("%s: %s", name, problem)

    def neighbours(self, name: str) -> Callable[[str, int], Sequence[Hit]]:
        """Return what gives the chunks around one, for a collection that was searched before."""
        found = self._opened[name].collection

        def around(chunk_id: str, window: int) -> Sequence[Hit]:
            try:
                return found.neighbours(chunk_id, window)
            except NotFoundError:  # removed since the search
                return []

        return around

    def stop(self) -> None:
        """Close what is open."""
        for worker in self._workers.values():
            if worker is not self._embedding:
                worker.stop()
        for opened in self._opened.values():
            opened.collection.close()

    def _facts(self, names: Sequence[str]) -> list[dict[str, Any]]:
        made = []
        for name in names:
            with open_collection(cast(Workspace, self._workspace), name) as found:
                made.append(found.facts())
        return made

    async def _open(self, name: str) -> _Opened:
        if self._workspace is None:
            raise NotFoundError("serving_rag.no_collection", name=name, known="–")
        async with self._opening:
            made = await asyncio.to_thread(_made, self._workspace, name)
            opened = self._opened.get(name)
            if opened is None or opened.made != made or await asyncio.to_thread(_was_made_anew, opened.collection):
                with await asyncio.to_thread(open_collection, self._workspace, name) as closed:
                    worker = self._worker(closed.config.embedding_model)
                embedder = await worker.run(_itself)
                found = await asyncio.to_thread(open_collection, self._workspace, name, embedder)
                opened = self._opened[name] = _Opened(found, worker, made)
            return opened

    def _worker(self, model: str) -> EmbeddingWorker:
        if model not in self._workers:
            self._workers[model] = EmbeddingWorker(model)
        return self._workers[model]


def _embedded(found: Collection, query: str) -> Vectors:
    """Return the query's vector, made by the model that the collection was opened with."""
    vector: Vectors = found.embedder.embed([query], "query")[0]
    return vector


def _was_made_anew(found: Collection) -> bool:
    """Tell whether its index was made with other settings since it was opened, perhaps with another embedding model."""
    return bool(found.store.meta("settings") != found.config.model_dump(mode="json"))


def _itself(embedder: EmbeddingModel) -> EmbeddingModel:
    return embedder


def _made(workspace: Workspace, name: str) -> tuple[int, int]:
    """Return what is another number for every collection that is made, also of one name; raises NotFoundError."""
    try:
        mark = (workspace.collections / name / COMPLETE).stat()
    except OSError:
        known = ", ".join(list_collections(workspace)) or "–"
        raise NotFoundError("serving_rag.no_collection", name=name, known=known) from None
    return mark.st_ino, mark.st_mtime_ns
