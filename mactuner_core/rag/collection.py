"""Collections: documents in one searchable store, a folder each.

Texts and facts stand in SQLite, vectors and words in segment folders that are never changed once written. SQLite names the
segments that count, and that changes in the same transaction as the texts: a crash leaves the last good state.
One process writes at a time; any number read meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from mactuner_core.errors import NotFoundError, WorkError
from mactuner_core.rag.config import RagConfig, SearchConfig
from mactuner_core.rag.documents import Document
from mactuner_core.rag.documents.document import document_from_dict
from mactuner_core.rag.embedder import EmbeddingModel, Vectors
from mactuner_core.rag.embedders import load_embedder
from mactuner_core.rag.hits import Filters, Hit, StoredDocument
from mactuner_core.rag.search import hit_of, search
from mactuner_core.rag.snapshot import Snapshots
from mactuner_core.rag.store import CHUNK, Store
from mactuner_core.rag.writer import Progress, Writer
from mactuner_core.workspace import Workspace


class Collection:
    """An open collection. Searching is safe from any thread; close it when done, or use it as a context.

    Raises WorkError with the way out when its files are damaged.
    """

    def __init__(self, workspace: Workspace, name: str, embedder: EmbeddingModel | None = None) -> None:
        self.workspace = workspace
        self.name = name
        self.folder = workspace.collections / name
        self.store = Store(self.folder)
        self.config = RagConfig.check(self.store.meta("settings"))
        self.snapshots = Snapshots(self.folder, self.store)
        self._embedder = embedder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self.snapshots.close()
        self.store.close()

    def reset(self, config: RagConfig, embedder: EmbeddingModel) -> None:
        """Go on with other settings and their model, after the index was made anew with them."""
        self.config = config
        self._embedder = embedder

    @property
    def embedder(self) -> EmbeddingModel:
        """The embedding model, loaded when it is first needed.

        Raises InputError when it cannot be loaded, WorkError when its weights are not those the vectors were made with.
        """
        if self._embedder is None:
            self._embedder = load_embedder(self.config.embedding_model, self.config.threads)
        known = self.store.meta("model")
        if known and known["identity"] != self._embedder.identity:
            raise WorkError("rag.model_changed", name=self.name, model=self.config.embedding_model)
        return self._embedder

    def facts(self) -> dict[str, Any]:
        """Return what lists and pages show: name, documents, chunks, bytes, created_at, updated_at, settings, model (name, size,
        longest; None while empty), index ("exact" or "ivf"), segments, suggested_min_score (or None), warnings (code, values).
        """
        documents, chunks = self.store.one("SELECT count(*), coalesce(sum(chunks), 0) FROM documents")
        segments = self.store.rows("SELECT files FROM segments")
        return {
            "name": self.name,
            "documents": documents,
            "chunks": chunks,
            "bytes": sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()),
            "created_at": self.store.meta("created_at"),
            "updated_at": self.store.meta("updated_at"),
            "settings": self.config.model_dump(mode="json"),
            "model": self.store.meta("model"),
            "index": "ivf" if any("dense.faiss" in files for (files,) in segments) else "exact",
            "segments": len(segments),
            "suggested_min_score": self.store.meta("calibration", {}).get("suggested_min_score"),
            "warnings": self.store.meta("warnings", []),
        }

    def documents(self) -> list[StoredDocument]:
        """Return its documents by name."""
        return self.store.documents()

    def document(self, document: str) -> StoredDocument:
        """Return the document with this id or name; raises NotFoundError."""
        found = self.store.document(document)
        if found is None:
            raise NotFoundError("rag.no_document", name=self.name, document=document)
        return found

    def content(self, document: str) -> Document:
        """Return a document as it was read, page by page; raises NotFoundError."""
        return document_from_dict(self.store.content(self.document(document).id))

    def document_file(self, document: str) -> Path | None:
        """Return the kept copy of the document's file (to draw its pages), or None."""
        stored = self.document(document)
        file = self.store.one("SELECT file FROM documents WHERE id = ?", (stored.id,))[0]
        path = self.folder / "files" / file if file else None
        return path if path and path.is_file() else None

    def chunks(self, document: str) -> list[Hit]:
        """Return all chunks of a document in reading order, with score 0; raises NotFoundError."""
        stored = self.document(document)
        return self._hits("WHERE documents.id = ? ORDER BY chunks.number", (stored.id,))

    def chunk(self, chunk_id: str) -> Hit:
        """Return one chunk, with score 0; raises NotFoundError."""
        found = self._hits("WHERE chunks.id = ?", (chunk_id,))
        if not found:
            raise NotFoundError("rag.no_chunk", name=self.name, chunk=chunk_id)
        return found[0]

    def neighbours(self, chunk_id: str, window: int) -> list[Hit]:
        """Return the chunk with up to `window` chunks of its document before and after it, in reading order."""
        middle = self.chunk(chunk_id)
        values = (middle.document_id, middle.number - window, middle.number + window)
        return self._hits("WHERE documents.id = ? AND chunks.number BETWEEN ? AND ? ORDER BY chunks.number", values)

    def search(
        self,
        query: str,
        config: SearchConfig | None = None,
        filters: Filters | None = None,
        *,
        vector: Vectors | None = None,
    ) -> list[Hit]:
        """Return hits, best first; none when nothing reaches `min_score`. Raises InputError for an empty query.

        `vector` is the query's own, of shape (size,), when it was embedded elsewhere. Of a query with more than 2,000 characters
        the words of the first ones count.
        """
        return search(self, query, config or SearchConfig(), filters or Filters(), vector)

    def writer(self) -> Writer:
        """Return what adds and removes many documents: use it as a context. Raises WorkError when somebody else writes."""
        return Writer(self)

    def add(
        self,
        document: Document,
        *,
        source: Path | None = None,
        tags: Sequence[str] = (),
        date: str | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Add a document, or put it in the place of the one with its name; return "added", "updated", "unchanged" or "duplicate".

        The same bytes under another name are a duplicate and are not added. `source` is a file to keep a copy of. Progress counts
        chunks.
        """
        with self.writer() as writer:
            return writer.put(document, source=source, tags=tags, date=date, progress=progress)

    def delete(self, document: str) -> StoredDocument:
        """Remove the document with this id or name and return it; raises NotFoundError."""
        stored = self.document(document)
        with self.writer() as writer:
            writer.delete(stored.id)
        return stored

    def _hits(self, where: str, values: Sequence[Any]) -> list[Hit]:
        return [hit_of(row) for row in self.store.rows(f"{CHUNK} {where}", values)]
