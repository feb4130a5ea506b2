"""Writing to a collection: documents in, documents out. Everything is committed whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date as calendar
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from mactuner_core.errors import NotFoundError
from mactuner_core.rag.calibrate import calibrate
from mactuner_core.rag.chunking import Chunk, embedded_text
from mactuner_core.rag.documents import Document
from mactuner_core.rag.embedding_cache import EmbeddingCache
from mactuner_core.rag.intake import as_stored, check_date, cut, insert_cut, note
from mactuner_core.rag.merging import merge_small
from mactuner_core.rag.new_segment import clear_errors, insert_segment, new_segment
from mactuner_core.rag.store import delete_document, insert_document
from mactuner_core.rag.write_lock import write_lock

if TYPE_CHECKING:
    from mactuner_core.rag.collection import Collection

Progress = Callable[[float, float], None]  # done, total (chunks)

MOST_PENDING = 1024  # chunks; they are committed together
MOST_SMALL = 32  # segments that a long build leaves unmerged: every one that is open takes memory


@dataclass(frozen=True)
class _Pending:
    document: Document
    chunks: list[Chunk]
    file: str | None
    tags: tuple[str, ...]
    date: str
    replaces: str | None


class Writer:
    """Adds and removes documents of one collection; a context that ends what was begun. Raises WorkError when another writes."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._store = collection.store
        self._pending: list[_Pending] = []
        self._small = 0
        self._stack = contextlib.ExitStack()
        self.warnings: list[dict[str, Any]] = list(self._store.meta("warnings", []))

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(write_lock(self._collection.folder))
            self.remove_leftovers()
            self.cache = EmbeddingCache(self._collection.workspace.cache)
            stack.callback(self.cache.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            if kind is None:
                self.finish()

    @property
    def pending_chunks(self) -> int:
        """How many chunks wait to be embedded and committed."""
        return sum(len(one.chunks) for one in self._pending)

    def state_of(self, name: str, sha256: str) -> str:
        """Return what adding a file would be: "added", "updated", "unchanged" or "duplicate" (there under another name)."""
        query = "SELECT name, sha256 FROM documents WHERE name = ? OR id = ?"  # both have an index; an id is 16 digits of it
        stored = [*self._store.rows(query, (name, sha256[:16]))]
        stored += [(one.document.name, one.document.sha256) for one in self._pending]
        if (name, sha256) in stored:
            return "unchanged"
        if any(other == sha256 for _, other in stored):
            return "duplicate"
        return "updated" if any(other == name for other, _ in stored) else "added"

    def put(
        self,
        document: Document,
        *,
        source: Path | None = None,
        tags: Sequence[str] = (),
        date: str | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Add a document, or put it in the place of the one with its name, and return what `state_of` says.

        It is committed with the next `flush`, at the latest when 1,024 chunks wait. Raises InputError when nothing in it can be
        searched, or for a bad date.
        """
        state = self.state_of(document.name, document.sha256)
        if state in ("unchanged", "duplicate"):
            return state
        day = check_date(date) if date else calendar.today().isoformat()
        chunks, self.warnings = cut(document, self._collection.embedder, self._collection.config)
        file = self._keep_file(document, source) if source else None
        replaces = self._store.document(document.name)
        self._pending = [one for one in self._pending if one.document.name != document.name]
        self._pending.append(_Pending(document, chunks, file, tuple(tags), day, replaces.id if replaces else None))
        if self.pending_chunks >= MOST_PENDING:
            self.flush(progress)
        return state

    def delete(self, document_id: str) -> None:
        """Remove a document; raises NotFoundError."""
        self.flush()
        if self._store.document(document_id) is None:
            raise NotFoundError("rag.no_document", name=self._collection.name, document=document_id)
        with self._store.change() as database:
            delete_document(database, document_id)

    def flush(self, progress: Progress | None = None) -> None:
        """Embed and commit what waits."""
        if not self._pending:
            return
        config, embedder = self._collection.config, self._collection.embedder
        texts = [embedded_text(chunk) for pending in self._pending for chunk in pending.chunks]
        report = progress or (lambda done, total: None)
        report(0, len(texts))
        vectors = self.cache.vectors(texts, embedder, report)
        words = self.cache.words(texts)
        folder = self._collection.folder
        with clear_errors(folder), new_segment(folder) as segment, self._store.change() as database:
            rows = [row for pending in self._pending for row in self._insert(database, pending)]
            insert_segment(database, segment, rows, vectors, words, config.threads)
            note(database, config, embedder, self.warnings)
        self._pending = []
        self._small += 1
        if self._small >= MOST_SMALL:
            merge_small(self._collection, self.cache)
            self._small = 0

    def finish(self) -> None:
        """Commit what waits, merge small segments, remove what nobody names, and measure what scores mean."""
        self.flush()
        merge_small(self._collection, self.cache)
        calibrate(self._collection)
        self.remove_leftovers()

    def remove_leftovers(self) -> None:
        """Remove segments and files that nothing names: of a crash, of a merge, of removed documents."""
        named = {name for (name,) in self._store.rows("SELECT name FROM segments")}
        for folder in (self._collection.folder / "segments").iterdir():
            if folder.name not in named:
                shutil.rmtree(folder, ignore_errors=True)
        files = {name for (name,) in self._store.rows("SELECT file FROM documents WHERE file IS NOT NULL")}
        files |= {one.file for one in self._pending if one.file}
        for file in (self._collection.folder / "files").iterdir():
            if file.name not in files:
                file.unlink(missing_ok=True)

    def _insert(self, database: Any, pending: _Pending) -> list[int]:
        if pending.replaces:
            delete_document(database, pending.replaces)
        longest = self._collection.embedder.longest
        stored = as_stored(pending.document, pending.chunks, longest, tags=pending.tags, date=pending.date)
        row = insert_document(database, pending.document, stored, pending.file)
        return insert_cut(database, row, stored.sha256, pending.chunks, self._collection.config)

    def _keep_file(self, document: Document, source: Path) -> str:
        """Copy a file to where it is found by its bytes; the last part of its name stays, for who has to save the files."""
        name = f"{document.sha256[:16]}-{PurePosixPath(document.name.replace(chr(92), '/')).name[-80:]}"
        target = self._collection.folder / "files" / name
        temporary = target.with_name(f".new-{name}")
        with clear_errors(self._collection.folder):
            shutil.copyfile(source, temporary)
            temporary.replace(target)
        return name
