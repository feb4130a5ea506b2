"""Collections: documents in one searchable store, a folder each.

Texts and facts stand in SQLite, vectors and words in segment folders that are never changed once written. One row in SQLite
names the segments that count, and changes in the same transaction as the texts: a crash leaves the last good state.
One process writes at a time; any number read meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mactuner_core.rag.config import RagConfig, SearchConfig
from mactuner_core.rag.documents import Document
from mactuner_core.rag.hits import Filters, Hit, StoredDocument
from mactuner_core.workspace import Workspace

Progress = Callable[[float, float], None]  # done, total (chunks)


class Collection:
    """An open collection. Searching is safe from any thread; close it when done (or use it as a context)."""

    name: str
    folder: Path
    config: RagConfig

    def facts(self) -> dict[str, Any]:
        """Return name, documents, chunks, bytes, created_at, updated_at, settings, embedding model with `longest` and `size`,
        index ("exact" or "ivf"), `suggested_min_score`, `warnings` (code, values)."""
        raise NotImplementedError

    def documents(self) -> list[StoredDocument]:
        """Return its documents by name."""
        raise NotImplementedError

    def document(self, document: str) -> StoredDocument:
        """Return the document with this id or name; raises NotFoundError."""
        raise NotImplementedError

    def document_file(self, document: str) -> Path | None:
        """Return the kept copy of the document's file (to draw its pages), or None."""
        raise NotImplementedError

    def chunks(self, document: str) -> list[Hit]:
        """Return all chunks of a document in reading order, with score 0."""
        raise NotImplementedError

    def chunk(self, chunk_id: str) -> Hit:
        """Return one chunk, with score 0; raises NotFoundError."""
        raise NotImplementedError

    def neighbours(self, chunk_id: str, window: int) -> list[Hit]:
        """Return the chunk with up to `window` chunks of its document before and after it, in reading order."""
        raise NotImplementedError

    def add(
        self,
        document: Document,
        *,
        source: Path | None = None,
        tags: tuple[str, ...] = (),
        date: str | None = None,
        progress: Progress | None = None,
    ) -> StoredDocument:
        """Add a document, or put it in the place of the one with its name; the same bytes under another name are not added twice."""
        raise NotImplementedError

    def delete(self, document: str) -> StoredDocument:
        """Remove the document with this id or name and return it; raises NotFoundError."""
        raise NotImplementedError

    def search(self, query: str, config: SearchConfig | None = None, filters: Filters | None = None) -> list[Hit]:
        """Return hits, best first; none when nothing reaches `min_score`. Raises InputError for an empty query."""
        raise NotImplementedError

    def export_file(self, target: Path) -> Path:
        """Write the whole collection as one ZIP file."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of files and models."""
        raise NotImplementedError


def create_collection(workspace: Workspace, name: str, config: RagConfig | None = None) -> Collection:
    """Make an empty collection; raises InputError when the name is taken or cannot be one."""
    raise NotImplementedError


def open_collection(workspace: Workspace, name: str) -> Collection:
    """Open a collection; raises NotFoundError naming the known ones, WorkError when its files are damaged."""
    raise NotImplementedError


def list_collections(workspace: Workspace) -> list[str]:
    """Return the names of all collections."""
    raise NotImplementedError


def remove_collection(workspace: Workspace, name: str) -> None:
    """Remove a collection with everything in it; raises NotFoundError, or InputError while somebody writes to it."""
    raise NotImplementedError


def import_collection(workspace: Workspace, file: Path, name: str | None = None) -> Collection:
    """Make a collection from a file that `export_file` wrote; raises InputError when it is none or the name is taken."""
    raise NotImplementedError
