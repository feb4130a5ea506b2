"""What was computed of a text once and holds for every collection: its vector by an embedding model, and its words.

One SQLite file in the workspace's cache, by the hash of the text. Only a shortcut: it may be removed, and a damaged one is
replaced by an empty one.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from mactuner_core.rag import words as word_rules
from mactuner_core.rag.embedder import EmbeddingModel, Vectors
from mactuner_core.rag.embedders import parts_that_fit

_LARGEST_BYTES = 4 * 10**9
_AT_ONCE = 500  # of a question with that many values
_EMBEDDED_AT_ONCE = 512  # texts; sorted by length among each other, so that little is padded
_TABLES = """
CREATE TABLE IF NOT EXISTS vectors (model TEXT, hash BLOB, vector BLOB, PRIMARY KEY (model, hash)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS words (version INTEGER, hash BLOB, words BLOB, PRIMARY KEY (version, hash)) WITHOUT ROWID;
"""

Report = Callable[[int, int], None]


def text_hash(text: str) -> bytes:
    """Return the 16 bytes that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


class EmbeddingCache:
    """The open cache; used by one thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "embeddings.db"
        self._database = self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def vectors(
        self, texts: Sequence[str], embedder: EmbeddingModel, report: Report = lambda done, total: None
    ) -> Vectors:
        """Return the unit vectors of passages as float16 would keep them; shape (texts, size). What is new is embedded.

        A text longer than the model reads gets the mean of its parts' vectors.
        """
        model = f"{embedder.identity}/{embedder.prefixes.get('passage', '')}"
        hashes = [text_hash(text) for text in texts]
        known = dict(self._known("vectors", "model", "vector", model, hashes))
        new = list({key: text for key, text in zip(hashes, texts, strict=True) if key not in known}.items())
        for start in range(0, len(new), _EMBEDDED_AT_ONCE):  # what a stopped build has made is not made again
            some = new[start : start + _EMBEDDED_AT_ONCE]

            def told(done: int, total: int, start: int = start, share: int = len(some)) -> None:
                report(len(texts) - len(new) + start + round(share * done / total), len(texts))

            made = _embed([text for _, text in some], embedder, told).astype(np.float16)
            known |= {key: vector.tobytes() for (key, _), vector in zip(some, made, strict=True)}
            rows = [(model, key, known[key]) for key, _ in some]
            self._keep("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
        packed = b"".join(known[key] for key in hashes)
        return np.frombuffer(packed, dtype=np.float16).reshape(len(texts), embedder.size).astype(np.float32)

    def words(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the words of each text."""
        hashes = [text_hash(text) for text in texts]
        found = self._known("words", "version", "words", word_rules.VERSION, hashes)
        known = {key: zlib.decompress(packed).decode().split("\n") for key, packed in found}
        new = {key: text for key, text in zip(hashes, texts, strict=True) if key not in known}
        if new:
            made = word_rules.words_of(list(new.values()))
            known |= dict(zip(new, made, strict=True))
            rows = [(word_rules.VERSION, key, zlib.compress("\n".join(known[key]).encode(), 1)) for key in new]
            self._keep("INSERT OR REPLACE INTO words VALUES (?, ?, ?)", rows)
        return [[word for word in known[key] if word] for key in hashes]

    def _known(
        self, table: str, column: str, value: str, of: str | int, hashes: Sequence[bytes]
    ) -> Iterator[tuple[bytes, bytes]]:
        for start in range(0, len(hashes), _AT_ONCE):
            keys = hashes[start : start + _AT_ONCE]
            marks = ",".join("?" * len(keys))
            query = f"SELECT hash, {value} FROM {table} WHERE {column} = ? AND hash IN ({marks})"  # noqa: S608 (own names)
            yield from self._database.execute(query, (of, *keys))

    def _keep(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Keep what was made; a full disk or a busy file costs the shortcut only."""
        if self._path.stat().st_size > _LARGEST_BYTES:
            return
        with contextlib.suppress(sqlite3.OperationalError), self._database:
            self._database.executemany(statement, rows)

    def _open(self) -> sqlite3.Connection:
        for _ in range(2):
            database = sqlite3.connect(self._path, timeout=10, check_same_thread=False)
            try:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = NORMAL")
                database.executescript(_TABLES)
                return database
            except sqlite3.DatabaseError as problem:
                database.close()
                if isinstance(problem, sqlite3.OperationalError):
                    raise
                for ending in ("", "-wal", "-shm"):
                    self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        raise AssertionError("an empty database opens")


def _embed(texts: list[str], embedder: EmbeddingModel, report: Report) -> Vectors:
    lengths = embedder.lengths(texts, "passage")
    groups = [
        [text] if length <= embedder.longest else parts_that_fit(text, embedder)
        for text, length in zip(texts, lengths, strict=True)
    ]
    parts = embedder.embed([part for group in groups for part in group], "passage", report)
    if len(parts) == len(texts):
        return parts
    starts = np.cumsum([0, *(len(group) for group in groups[:-1])])
    sums = np.add.reduceat(parts, starts, axis=0)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), dtype=np.float32)
