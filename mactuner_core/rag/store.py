"""The SQLite file of a collection: documents, chunks, settings, and which segments count.

What is committed is the collection. A segment folder that no row names is left over from a crash and is removed by the next
writer; an old one is removed after the commit that stopped naming it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mactuner_core.errors import WorkError
from mactuner_core.rag.chunking import Chunk
from mactuner_core.rag.documents import Document
from mactuner_core.rag.hits import StoredDocument

FILE = "collection.db"
LAYOUT = 1  # raise it with a migration in `_MIGRATIONS`

_MIGRATIONS = {
    1: """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, language TEXT NOT NULL, pages INTEGER NOT NULL,
    characters INTEGER NOT NULL, chunks INTEGER NOT NULL, date TEXT NOT NULL, tags TEXT NOT NULL, added_at REAL NOT NULL,
    warnings TEXT NOT NULL, file TEXT, content BLOB NOT NULL
);
CREATE TABLE chunks (
    row INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents (row), number INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, headings TEXT NOT NULL, page INTEGER NOT NULL, last_page INTEGER NOT NULL,
    tokens INTEGER NOT NULL, kind TEXT NOT NULL, hash BLOB NOT NULL, UNIQUE (document, number)
);
CREATE INDEX chunks_by_hash ON chunks (hash);
CREATE TABLE segments (name TEXT PRIMARY KEY, chunks INTEGER NOT NULL, files TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE removed (row INTEGER PRIMARY KEY);
"""
}
_DOCUMENT = (
    "row, id, name, sha256, bytes, kind, title, language, pages, characters, chunks, date, tags, added_at, warnings"
)
AT_ONCE = 500  # values in one statement


class Store:
    """The open file; safe from any thread. Raises WorkError with the way out when it is damaged."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = threading.RLock()
        with self._clear():
            self._database = sqlite3.connect(self.path, timeout=30, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA foreign_keys = ON")
            self._migrate()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction that is committed whole or not at all; readers see a new `version` after it."""
        with self._lock, self._clear():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")
                self._database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a question."""
        with self._lock, self._clear():
            return self._database.execute(query, values).fetchall()

    def one(self, query: str, values: Sequence[Any] = ()) -> Any:
        """Return the first row or None."""
        found = self.rows(query, values)
        return found[0] if found else None

    def meta(self, key: str, default: Any = None) -> Any:
        """Return a kept fact."""
        found = self.one("SELECT value FROM meta WHERE key = ?", (key,))
        return default if found is None else json.loads(found[0])

    @property
    def version(self) -> int:
        """Counts the changes."""
        return int(self.one("SELECT value FROM meta WHERE key = 'version'")[0])

    def documents(self) -> list[StoredDocument]:
        """Return all documents by name."""
        return [_stored(row) for row in self.rows(f"SELECT {_DOCUMENT} FROM documents ORDER BY name")]  # noqa: S608

    def document(self, document: str) -> StoredDocument | None:
        """Return the document with this id or name."""
        query = f"SELECT {_DOCUMENT} FROM documents WHERE id = ? OR name = ?"  # noqa: S608 (own names)
        row = self.one(query, (document, document))
        return _stored(row) if row else None

    def content(self, document_id: str) -> dict[str, Any]:
        """Return the document with this id as it was read, as JSON-ready data."""
        packed = self.one("SELECT content FROM documents WHERE id = ?", (document_id,))[0]
        return dict(json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass")))

    def chunk_rows(self, rows: Sequence[int]) -> dict[int, Any]:
        """Return what a hit shows of the chunks with these row numbers, by row number."""
        found: dict[int, Any] = {}
        for start in range(0, len(rows), AT_ONCE):
            some = [int(row) for row in rows[start : start + AT_ONCE]]
            marks = ",".join("?" * len(some))
            found |= {row[0]: row for row in self.rows(f"{CHUNK} WHERE chunks.row IN ({marks})", some)}
        return found

    @staticmethod
    def make_tables(database: sqlite3.Connection, have: int = 0) -> None:
        """Bring a database from layout `have` to the newest, one transaction a step."""
        for step in range(have + 1, LAYOUT + 1):
            database.executescript(f"BEGIN IMMEDIATE; {_MIGRATIONS[step]} PRAGMA user_version = {step}; COMMIT;")

    def _migrate(self) -> None:
        layout = int(self._database.execute("PRAGMA user_version").fetchone()[0])
        if layout > LAYOUT:
            raise WorkError("rag.newer_layout", name=self.path.parent.name, layout=layout, known=LAYOUT)
        self.make_tables(self._database, layout)

    @contextlib.contextmanager
    def _clear(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as problem:
            raise store_error(self.path.parent, problem) from problem


CHUNK = """SELECT chunks.row, chunks.id, chunks.number, chunks.text, chunks.headings, chunks.page, chunks.last_page,
chunks.tokens, chunks.kind, chunks.hash, documents.name, documents.id
FROM chunks JOIN documents ON documents.row = chunks.document"""


def store_error(folder: Path, problem: Exception) -> WorkError:
    """Return what to tell a person about a failure of SQLite or of a segment's files."""
    words = str(problem)
    if "disk is full" in words or "No space left" in words:
        return WorkError("workspace.disk_full", path=folder, needed="?", free="0")
    if "locked" in words:
        return WorkError("rag.busy", name=folder.name)
    if "readonly" in words or "unable to open" in words:
        return WorkError("workspace.not_writable", path=folder, reason=words)
    return WorkError("rag.damaged", name=folder.name, reason=words)


def insert_document(database: sqlite3.Connection, document: Document, stored: StoredDocument, file: str | None) -> int:
    """Insert a document and return its row number."""
    content = zlib.compress(json.dumps(document.as_dict(), ensure_ascii=False).encode("utf-8", "surrogatepass"), 6)
    values = (
        *(stored.id, stored.name, stored.sha256, stored.bytes, stored.kind, stored.title, stored.language),
        *(stored.pages, stored.characters, stored.chunks, stored.date, json.dumps(stored.tags, ensure_ascii=False)),
        *(stored.added_at, json.dumps(stored.warnings, ensure_ascii=False), file, content),
    )
    columns = f"{_DOCUMENT.removeprefix('row, ')}, file, content"
    marks = ", ".join("?" * len(values))
    cursor = database.execute(f"INSERT INTO documents ({columns}) VALUES ({marks})", values)  # noqa: S608 (own names)
    return int(cursor.lastrowid or 0)


def insert_chunks(
    database: sqlite3.Connection, document: int, chunks: Sequence[Chunk], ids: Sequence[str], hashes: Sequence[bytes]
) -> list[int]:
    """Insert the chunks of a document and return their row numbers, ascending."""
    rows = []
    for chunk, chunk_id, key in zip(chunks, ids, hashes, strict=True):
        headings = json.dumps(chunk.headings, ensure_ascii=False)
        place = (chunk.page, chunk.last_page, chunk.tokens, chunk.kind, key)
        cursor = database.execute(
            "INSERT INTO chunks (document, number, id, text, headings, page, last_page, tokens, kind, hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (document, chunk.number, chunk_id, chunk.text, headings, *place),
        )
        rows.append(int(cursor.lastrowid or 0))
    return rows


def delete_document(database: sqlite3.Connection, document_id: str) -> None:
    """Remove a document and its chunks; their vectors are marked as removed."""
    found = database.execute("SELECT row FROM documents WHERE id = ?", (document_id,)).fetchone()
    if found:
        database.execute("INSERT INTO removed SELECT row FROM chunks WHERE document = ?", found)
        database.execute("DELETE FROM chunks WHERE document = ?", found)
        database.execute("DELETE FROM documents WHERE row = ?", found)


def _stored(row: Any) -> StoredDocument:
    values = list(row[1:])
    values[11] = tuple(json.loads(values[11]))
    values[13] = json.loads(values[13])
    return StoredDocument(*values)
