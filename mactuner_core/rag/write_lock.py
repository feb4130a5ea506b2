"""One writer at a time: a lock on a file of the collection, let go by the system when the process ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from mactuner_core.errors import WorkError

_FILE = "write.lock"


@contextlib.contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of the collection in `folder`; raises WorkError when somebody else holds it, naming the process."""
    with (folder / _FILE).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            file.seek(0)
            raise WorkError("rag.being_written", name=folder.name, process=file.read().strip() or "?") from problem
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
