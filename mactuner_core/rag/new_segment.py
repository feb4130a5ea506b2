"""Making a segment so that a failure at any point leaves nothing behind but what the next writer removes."""

from __future__ import annotations

import contextlib
import errno
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mactuner_core.rag.embedder import Vectors
from mactuner_core.rag.segment import sizes_text, write_segment
from mactuner_core.rag.store import store_error

_NUMPY_SHORT = (
    "requested and"  # "… requested and … written": what NumPy says of a full disk, without the system's number
)


@contextlib.contextmanager
def new_segment(collection: Path) -> Iterator[Path]:
    """Give the path of a segment to be written in a collection's folder; it is removed when the work inside fails."""
    folder = collection / "segments" / f"{time.time_ns():020d}-{secrets.token_hex(3)}"
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def insert_segment(
    database: sqlite3.Connection,
    folder: Path,
    rows: Sequence[int],
    vectors: Vectors,
    words: Sequence[Sequence[str]],
    threads: int,
) -> None:
    """Write the segment of the chunks `rows` (ascending) and name it in the transaction that is open; nothing for no rows."""
    if rows:
        write_segment(folder, np.array(rows, dtype=np.int64), vectors, words, threads)
        database.execute("INSERT INTO segments VALUES (?, ?, ?)", (folder.name, len(rows), sizes_text(folder)))


@contextlib.contextmanager
def clear_errors(collection: Path) -> Iterator[None]:
    """Say what to do when the disk is full or files cannot be written; FAISS says so in words only."""
    try:
        yield
    except OSError as problem:
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT) or _NUMPY_SHORT in str(problem)
        raise store_error(collection, RuntimeError("No space left") if full else problem) from problem
    except RuntimeError as problem:
        raise store_error(collection, problem) from problem
