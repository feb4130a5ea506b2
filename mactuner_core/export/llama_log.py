"""What llama.cpp says while it works, collected for an error message instead of written to stderr.

llama.cpp has one log callback for the whole process. A stopped quantisation may still be logging when the next piece of work
begins, so the callback lives as long as the process, hands each line to the thread that caused it, and gives the place
back to whoever had it (the server) when the last user leaves.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import threading
from collections.abc import Iterator
from typing import Any

_own = threading.local()
_lock = threading.Lock()
_users = 0
_before: Any = None


@contextlib.contextmanager
def captured_log() -> Iterator[list[str]]:
    """Yield the list that this thread's lines of llama.cpp's log go to; not to be nested."""
    lines: list[str] = []
    _own.lines = lines
    _enter()
    try:
        yield lines
    finally:
        _leave()
        del _own.lines


def _enter() -> None:
    global _users, _before
    import llama_cpp

    with _lock:
        if not _users:
            _before = (llama_cpp.llama_log_callback(), ctypes.c_void_p())
            llama_cpp.llama_log_get(ctypes.byref(_before[0]), ctypes.byref(_before[1]))
            llama_cpp.llama_log_set(_callback(), ctypes.c_void_p(0))
        _users += 1


def _leave() -> None:
    global _users
    import llama_cpp

    with _lock:
        _users -= 1
        if not _users:
            llama_cpp.llama_log_set(*_before)


@functools.cache
def _callback() -> Any:
    import llama_cpp

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def collect(_level: int, text: bytes, _user_data: ctypes.c_void_p) -> None:
        lines = getattr(_own, "lines", None)
        if lines is not None:
            lines.append(text.decode("utf-8", errors="replace"))

    return collect
