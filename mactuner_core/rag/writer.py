"""Writing to a collection: documents in, documents out, segments merged. Everything is committed whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import secrets
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date as calendar
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mactuner_core.errors import InputError, NotFoundError, WorkError
from mactuner_core.rag.calibrate import calibrate
from mactuner_core.rag.chunking import Chunk, chunk, embedded_text, with_headings
from mactuner_core.rag.documents import Document
from mactuner_core.rag.embedder import Vectors
from mactuner_core.rag.embedding_cache import EmbeddingCache, text_hash
from mactuner_core.rag.hits import StoredDocument
from mactuner_core.rag.merging import groups_to_merge
from mactuner_core.rag.segment import Rows, sizes_text, write_segment
from mactuner_core.rag.store import Store, delete_document, insert_chunks, insert_document, store_error
from mactuner_core.rag.write_lock import write_lock

if TYPE_CHECKING:
    from mactuner_core.rag.collection import Collection

Progress = Callable[[float, float], None]  # done, total (chunks)

MOST_PENDING = 2048  # chunks; they are committed together


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
        self._stack = contextlib.ExitStack()
        self.warnings: list[dict[str, Any]] = list(self._store.meta("warnings", []))

    def __enter__(self) -> Self:
        self._stack.enter_context(write_lock(self._collection.folder))
        try:
            self._remove_leftovers()
            self._cache = EmbeddingCache(self._collection.workspace.cache)
            self._stack.callback(self._cache.close)
        except BaseException:
            self._stack.close()
            raise
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
        stored = [*self._store.rows("SELECT name, sha256 FROM documents WHERE name = ? OR sha256 = ?", (name, sha256))]
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

        It is committed with the next `flush`. Raises InputError when nothing in it can be searched, or for a bad date.
        """
        state = self.state_of(document.name, document.sha256)
        if state in ("unchanged", "duplicate"):
            return state
        day = check_date(date) if date else calendar.today().isoformat()
        chunks = self._cut(document)
        if not chunks:
            raise InputError("rag_documents.no_text", name=document.name)
        file = self._keep_file(document, source) if source else None
        replaces = self._store.document(document.name)
        self._pending = [one for one in self._pending if one.document.name != document.name]
        self._pending.append(_Pending(document, chunks, file, tuple(tags), day, replaces.id if replaces else None))
        if progress or self.pending_chunks >= MOST_PENDING:
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
        chunks = [one for pending in self._pending for one in pending.chunks]
        texts = [embedded_text(one) for one in chunks]
        embedder = self._collection.embedder
        vectors = self._cache.vectors(texts, embedder, progress or (lambda done, total: None))
        words = self._cache.words(texts)
        with _clear(self._collection.folder), self._new_segment() as folder, self._store.change() as database:
            rows = [row for pending in self._pending for row in self._insert(database, pending)]
            write_segment(folder, np.array(rows, dtype=np.int64), vectors, words, self._collection.config.threads)
            values = (folder.name, len(rows), sizes_text(folder))
            database.execute("INSERT INTO segments VALUES (?, ?, ?)", values)
            self._note(database)
        self._pending = []
        if progress:
            progress(len(chunks), len(chunks))

    def finish(self) -> None:
        """Commit what waits, merge small segments, remove what nobody names, and measure what scores mean."""
        self.flush()
        for names in groups_to_merge(self._collection.snapshots.newest()):
            self._merge(names)
        calibrate(self._collection)
        self._remove_leftovers()

    def _cut(self, document: Document) -> list[Chunk]:
        embedder = self._collection.embedder
        config = self._collection.config
        if config.chunk_tokens > embedder.longest:
            self._warn(
                "rag.chunk_lowered", model=config.embedding_model, wanted=config.chunk_tokens, longest=embedder.longest
            )
            config = config.model_copy(update={"chunk_tokens": embedder.longest})
        chunks = chunk(document, lambda texts: embedder.lengths(texts, "passage"), config)
        return [one for one in chunks if one.text.strip()]

    def _warn(self, code: str, **values: Any) -> None:
        if all(one["code"] != code for one in self.warnings):
            self.warnings.append({"code": code, "values": values})

    def _insert(self, database: Any, pending: _Pending) -> list[int]:
        document = pending.document
        if pending.replaces:
            delete_document(database, pending.replaces)
        warnings = [{"code": one.code, "values": one.values} for one in document.warnings]
        warnings += _chunk_warnings(pending.chunks, self._collection.embedder.longest)
        stored = StoredDocument(
            id=document.sha256[:16],
            name=document.name,
            sha256=document.sha256,
            bytes=document.bytes,
            kind=document.kind,
            title=document.title,
            language=document.language,
            pages=len(document.pages),
            characters=document.characters,
            chunks=len(pending.chunks),
            date=pending.date,
            tags=pending.tags,
            added_at=time.time(),
            warnings=warnings,
        )
        row = insert_document(database, document, stored, pending.file)
        end = self._collection.config.fingerprint
        ids = [f"{document.sha256[:12]}-{one.number}-{end}" for one in pending.chunks]
        return insert_chunks(database, row, pending.chunks, ids, [text_hash(one.text) for one in pending.chunks])

    def _note(self, database: Any) -> None:
        embedder = self._collection.embedder
        model = {
            "name": self._collection.config.embedding_model,
            "identity": embedder.identity,
            "size": embedder.size,
            "longest": embedder.longest,
        }
        facts = {"model": model, "warnings": self.warnings, "updated_at": time.time()}
        rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in facts.items()]
        database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def _merge(self, names: Sequence[str]) -> None:
        snapshot = self._collection.snapshots.newest()
        pairs = [
            (one, alive) for one, alive in zip(snapshot.segments, snapshot.alive, strict=True) if one.name in names
        ]
        kept: list[tuple[Rows, Vectors]] = [
            (one.rows, one.vectors[:]) if alive is None else (one.rows[alive], one.vectors[alive])
            for one, alive in pairs
        ]
        rows = np.concatenate([one for one, _ in kept])
        vectors = np.concatenate([one for _, one in kept])
        order = np.argsort(rows)
        rows, vectors = rows[order], vectors[order]
        with _clear(self._collection.folder), self._new_segment() as folder:
            if len(rows):
                write_segment(folder, rows, vectors, self._words_of(rows), self._collection.config.threads)
            with self._store.change() as database:
                for one, _ in pairs:
                    database.execute("DELETE FROM segments WHERE name = ?", (one.name,))
                    gone = [(int(row),) for row in np.setdiff1d(one.rows, rows)]
                    database.executemany("DELETE FROM removed WHERE row = ?", gone)
                if len(rows):
                    values = (folder.name, len(rows), sizes_text(folder))
                    database.execute("INSERT INTO segments VALUES (?, ?, ?)", values)

    def _words_of(self, rows: Rows) -> list[list[str]]:
        found = self._store.chunk_rows(rows.tolist())
        texts = [with_headings(json.loads(found[row][4]), found[row][3]) for row in rows.tolist()]
        return self._cache.words(texts)

    @contextlib.contextmanager
    def _new_segment(self) -> Iterator[Path]:
        folder = self._collection.folder / "segments" / f"{time.time_ns():020d}-{secrets.token_hex(3)}"
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _keep_file(self, document: Document, source: Path) -> str:
        suffix = PurePosixPath(document.name).suffix.lower() or source.suffix.lower()
        name = f"{document.sha256[:16]}{suffix if suffix.isascii() and len(suffix) < 10 else ''}"
        target = self._collection.folder / "files" / name
        temporary = target.with_name(f".new-{name}")
        with _clear(self._collection.folder):
            shutil.copyfile(source, temporary)
            temporary.replace(target)
        return name

    def _remove_leftovers(self) -> None:
        """Remove segments and files that nothing names: of a crash, of a merge, of removed documents."""
        named = {name for (name,) in self._store.rows("SELECT name FROM segments")}
        for folder in (self._collection.folder / "segments").iterdir():
            if folder.name not in named:
                shutil.rmtree(folder, ignore_errors=True)
        files = {name for (name,) in self._store.rows("SELECT file FROM documents WHERE file IS NOT NULL")}
        for file in (self._collection.folder / "files").iterdir():
            if file.name not in files:
                file.unlink(missing_ok=True)


def content_of(store: Store, document_id: str) -> dict[str, Any]:
    """Return a document as it was read, as JSON-ready data."""
    packed = store.one("SELECT content FROM documents WHERE id = ?", (document_id,))[0]
    return dict(json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass")))


def check_date(date: str) -> str:
    """Return a date written as "YYYY-MM-DD"; raises InputError for anything else."""
    try:
        return calendar.fromisoformat(date).isoformat()
    except ValueError as problem:
        raise InputError("rag.bad_date", value=date[:40]) from problem


def _chunk_warnings(chunks: Sequence[Chunk], longest: int) -> list[dict[str, Any]]:
    found = []
    if cut := sum(one.cut for one in chunks):
        found.append({"code": "rag.chunks_cut", "values": {"count": cut}})
    if long := [one.tokens for one in chunks if one.tokens > longest]:
        values = {"count": len(long), "tokens": max(long), "longest": longest}
        found.append({"code": "rag.chunks_long", "values": values})
    return found


@contextlib.contextmanager
def _clear(folder: Path) -> Iterator[None]:
    """Say what to do when the disk is full or files cannot be written; FAISS says so in words only."""
    try:
        yield
    except (OSError, RuntimeError) as problem:
        if isinstance(problem, WorkError):
            raise
        full = isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)
        raise store_error(folder, RuntimeError("No space left") if full else problem) from problem
