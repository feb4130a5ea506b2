"""Reading in a process of its own, kept for the next file, ended and replaced when a file makes it hang, crash or swell."""

from __future__ import annotations

import atexit
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import psutil

from mactuner_core.errors import InputError
from mactuner_core.rag.documents.limits import Limits

_LOOK_EVERY = 0.25  # seconds between two looks at the memory
_KEPT = 2  # idle processes, about 90 MB each
_SWOLLEN = 500_000_000  # bytes: after such a file the process is not kept
_EXTRA_SECONDS = 20.0  # for the start of the process
_IDLE_SECONDS = 60.0
_idle: list[_Process] = []
_later: threading.Timer | None = None
_lock = threading.Lock()

Progress = Callable[[int, int], None]


def ask(request: dict[str, Any], limits: Limits, progress: Progress | None = None) -> Any:
    """Return the answer of the reading process to `request`, whose `name` is the file's for people.

    `progress` gets (step, of). Raises InputError: what the process found, or that the file took too much time or memory
    or crashed the process. Safe from several threads: each call has a process to itself.
    """
    with _lock:
        while _idle and not _idle[-1].is_alive():
            _idle.pop()
        process = _idle.pop() if _idle else None
    process = process or _Process(limits)
    kept = False
    try:
        answer = process.ask({**request, "limits": asdict(limits)}, limits, progress)
        kept = process.memory() < _SWOLLEN
    finally:
        with _lock:
            kept = kept and process.limit == limits.memory_bytes and len(_idle) < _KEPT
            if kept:
                _idle.append(process)
                _end_later()
        if not kept:
            process.end()
    if "error" in answer:
        raise InputError(answer["error"]["code"], **answer["error"]["values"])
    return answer["result"]


def _end_later() -> None:
    """End the idle processes after a while without a file; each use of one puts that off."""
    global _later
    if _later is not None:
        _later.cancel()
    _later = threading.Timer(_IDLE_SECONDS, end_idle)
    _later.daemon = True
    _later.start()


@atexit.register
def end_idle() -> None:
    """End the processes that wait for the next file."""
    with _lock:
        ended, _idle[:] = list(_idle), []
    for process in ended:
        process.end()


class _Process:
    def __init__(self, limits: Limits) -> None:
        self.limit = limits.memory_bytes
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mactuner_core.rag.documents.worker", str(limits.memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C of the app is not meant for it; it leaves when its input ends
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def memory(self) -> int:
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def ask(self, request: dict[str, Any], limits: Limits, progress: Progress | None) -> dict[str, Any]:
        name = request["name"]
        try:
            assert self._process.stdin is not None  # noqa: S101 (it was asked for)
            self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except OSError as problem:
            raise InputError("rag_documents.crashed", name=name) from problem
        deadline = time.monotonic() + limits.step_seconds + _EXTRA_SECONDS
        while True:
            line = self._next(name, deadline, limits)
            answer: dict[str, Any] = json.loads(line)
            if "step" not in answer:
                return answer
            deadline = time.monotonic() + limits.step_seconds
            if progress is not None and answer["step"]:
                progress(answer["step"], answer["of"])

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _next(self, name: str, deadline: float, limits: Limits) -> bytes:
        while True:
            try:
                line = self._lines.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                if self.memory() > limits.memory_bytes:
                    raise InputError("rag_documents.much_memory", name=name) from None
                if time.monotonic() > deadline:
                    seconds = round(limits.step_seconds)
                    raise InputError("rag_documents.took_long", name=name, seconds=seconds) from None
                continue
            if not line:
                raise InputError("rag_documents.crashed", name=name)
            return line

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 (it was asked for)
        with self._process.stdout as output:
            for line in output:
                self._lines.put(line)
        self._lines.put(b"")
