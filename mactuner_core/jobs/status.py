"""What a job's state is: a pure function of its folder and of whether its process lives. Reads only, writes nothing."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

State = Literal["queued", "running", "stopping", "done", "failed", "cancelled", "lost"]
ENDED = ("done", "failed", "cancelled", "lost")
START_LIMIT_S = 60  # a job without a process after this long never started


@dataclass(frozen=True)
class JobStatus:
    """How a job stands. `stage` is a message key, times are seconds, `error` is what `MacTunerError.as_dict` gave."""

    id: str
    folder: Path
    kind: str
    title: str
    state: State
    done: float = 0
    total: float = 0
    stage: str = ""
    eta_s: float | None = None
    started_at: float = 0
    ended_at: float | None = None
    pid: int | None = None
    error: dict[str, Any] | None = None
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Progress from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def ended(self) -> bool:
        """Whether the job will not change any more."""
        return self.state in ENDED

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start to the end, or to now."""
        return (self.ended_at or time.time()) - self.started_at if self.started_at else 0.0


def read(folder: Path) -> JobStatus:
    """Return the state of the job in `folder`; a folder with nothing readable in it is a lost job."""
    spec, status, process = (_json(folder / name) for name in ("spec.json", "status.json", "process.json"))
    known = {key: status[key] for key in ("done", "total", "stage", "eta_s", "ended_at", "error") if key in status}
    state = _state(folder, spec, status, process)
    if state in ENDED and "heartbeat" in status:
        known.setdefault("ended_at", status["heartbeat"])  # of a killed one: when it was last seen at work
    return JobStatus(
        id=folder.name,
        folder=folder,
        kind=str(spec.get("kind", "?")),
        title=str(spec.get("title", folder.name)),
        state=state,
        started_at=float(spec.get("created_at", 0)),
        pid=process.get("pid"),
        result=status.get("result") or {},
        **known,
    )


def list_jobs(jobs_folder: Path) -> list[JobStatus]:
    """Return every job in the workspace's jobs folder, newest first."""
    folders = [folder for folder in jobs_folder.iterdir() if (folder / "spec.json").exists()]
    return sorted(map(read, folders), key=lambda job: job.started_at, reverse=True)


def events(folder: Path) -> list[dict[str, Any]]:
    """Return the job's events in order; a torn last line, or one torn by a crash, is passed over."""
    try:
        lines = (folder / "events.jsonl").read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


def process_lives(process: dict[str, Any]) -> bool:
    """Tell whether the recorded process runs: same pid, same start time, and not a finished one nobody waited for."""
    try:
        found = psutil.Process(int(process["pid"]))
        same = abs(found.create_time() - float(process["create_time"])) < 1.0
        return same and found.status() != psutil.STATUS_ZOMBIE
    except (KeyError, ValueError, psutil.Error):
        return False


def _state(folder: Path, spec: dict[str, Any], status: dict[str, Any], process: dict[str, Any]) -> State:
    written = status.get("state")
    if written in ("done", "failed", "cancelled"):
        return written  # type: ignore[no-any-return]
    if not process:
        young = time.time() - float(spec.get("created_at", 0)) < START_LIMIT_S
        return "queued" if young and spec else "lost"
    if not process_lives(process):
        return "cancelled" if (folder / "stop.json").exists() else "lost"
    if (folder / "stop.json").exists():
        return "stopping"
    return "running" if written == "running" else "queued"


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
