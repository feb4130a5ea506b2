"""A job seen from inside: where it reports progress and events, and learns that it should stop."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from mactuner_core.workspace import Workspace, disk_full_is_clear, write_json

HEARTBEAT_S = 2.0
REPORT_EVERY_S = 0.25


class JobCancelled(Exception):
    """Raised inside a job that was asked to stop, after it has saved what it can."""


class Job:
    """The running job: `progress`, `event`, `stop_requested`. Safe to call from any thread."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self.folder = folder
        self.workspace = workspace
        self._status: dict[str, Any] = {"state": "running", "done": 0, "total": 0, "stage": "jobs.stage_starting"}
        self._stage_started = time.time()
        self._stage_first = 0.0  # what was done before: a job that goes on does not begin at nothing
        self._written_at = 0.0
        self._needs_s = 0.0
        self._lock = threading.Lock()
        self._write()

    def watch(self) -> None:
        """Beat in a thread, and leave the process by force when a stop was asked for and the grace time is over.

        Only the job's own process calls this: whoever else makes a Job would be ended with it.
        """
        threading.Thread(target=self._watch, daemon=True).start()

    def progress(
        self, done: float, total: float, stage: str, eta_s: float | None = None, *, steady: bool = True
    ) -> None:
        """Report that `done` of `total` units of `stage` (a message key) are finished.

        `eta_s` are the seconds left, when the work knows better than that each unit takes as long as those before. Where that
        is not so, and the work does not know yet either, `steady` is False and nothing is said.
        """
        with self._lock:
            if stage != self._status["stage"]:
                self._stage_started = time.time()
                self._stage_first = done
            elapsed, since = time.time() - self._stage_started, done - self._stage_first
            if eta_s is None and steady and since > 0 and total:
                eta_s = elapsed / since * (total - done)
            changed = stage != self._status["stage"] or done >= total
            self._status |= {"done": done, "total": total, "stage": stage, "eta_s": eta_s}
            if changed or time.time() - self._written_at > REPORT_EVERY_S:
                self._write()

    def event(self, **values: Any) -> None:
        """Append one line to the events: plain numbers and words, never a secret."""
        line = json.dumps({"time": time.time(), **values}, ensure_ascii=False) + "\n"
        with (
            self._lock,
            disk_full_is_clear(self.folder),
            (self.folder / "events.jsonl").open("a", encoding="utf-8") as file,
        ):
            file.write(line)

    def stop_requested(self) -> bool:
        """Whether somebody asked the job to stop."""
        return (self.folder / "stop.json").exists()

    def needs(self, seconds: float) -> None:
        """Say how long saving and leaving takes: after a wish to stop the process is not ended sooner."""
        self._needs_s = seconds

    def raise_if_stopped(self) -> None:
        """Raise JobCancelled when a stop was asked for; call it where nothing is half done."""
        if self.stop_requested():
            raise JobCancelled

    def finish(self, state: str, *, result: dict[str, Any] | None = None, error: dict[str, Any] | None = None) -> None:
        """Write the last status."""
        with self._lock:
            self._status |= {"state": state, "result": result, "error": error, "ended_at": time.time(), "eta_s": None}
            self._write()

    def _write(self) -> None:
        self._written_at = time.time()
        write_json(self.folder / "status.json", self._status | {"heartbeat": self._written_at})

    def _watch(self) -> None:
        while True:
            time.sleep(HEARTBEAT_S / 4)
            with self._lock:
                if self._status["state"] != "running":
                    return
                if time.time() - self._written_at > HEARTBEAT_S:
                    self._write()
            if self._grace_is_over():
                self.finish("cancelled")
                os._exit(1)

    def _grace_is_over(self) -> bool:
        try:
            wish = json.loads((self.folder / "stop.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(time.time() > wish["requested_at"] + max(wish["grace_s"], self._needs_s))
