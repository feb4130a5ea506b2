"""The server of a GGUF file as a job of its own: started, found again and stopped by pages and commands.

The job runs `serving/`; this file only knows its events. A server writes the event `{"kind": "ready", "url", "models"}`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.errors import WorkError, error_from_dict
from mactuner_core.jobs import events, kill, list_jobs, read, request_stop, start
from mactuner_core.workspace import Workspace

READY_LIMIT_S = 300.0
STOP_LIMIT_S = 10.0


@dataclass(frozen=True)
class Server:
    """A server that answers at `url` (it ends in /v1); `models` are the names it serves."""

    job_id: str
    model: str
    url: str
    models: list[str]


def start_server(workspace: Workspace, model: str, *, port: int = 0, allow_unverified: bool = False) -> str:
    """Start serving `model` (an export, `EXPORT:QUANT` or a GGUF file) on loopback and return the job's id; port 0 means any."""
    spec = {"model": model, "port": port, "allow_unverified": allow_unverified}
    return start(workspace, "serve", spec, title=model)


def find_server(folder: Path) -> Server | None:
    """Return the server of the job in `folder` once it answers, None while it loads; raises what made it fail."""
    status = read(folder)
    if status.state == "failed" and status.error:
        raise error_from_dict(status.error)
    if status.ended:
        raise WorkError("jobs.lost", log=folder / "log.txt")
    ready = next((event for event in events(folder) if event.get("kind") == "ready"), None)
    return Server(folder.name, status.title, ready["url"], ready["models"]) if ready else None


def wait_for_server(folder: Path) -> Server:
    """Wait until the server in `folder` answers; raises WorkError when it fails or takes longer than five minutes."""
    limit = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < limit:
        if server := find_server(folder):
            return server
        time.sleep(0.1)
    kill(folder)
    raise WorkError("chat.server_slow", seconds=int(READY_LIMIT_S), log=folder / "log.txt")


def running_servers(workspace: Workspace) -> list[Server]:
    """Return every server that answers now, newest first."""
    jobs = [job for job in list_jobs(workspace.jobs) if job.kind == "serve" and job.state == "running"]
    return [server for job in jobs if (server := find_server(job.folder))]


def stop_server(folder: Path) -> None:
    """End a server: it finishes running answers for a moment, then is killed."""
    request_stop(folder, STOP_LIMIT_S)
    limit = time.monotonic() + STOP_LIMIT_S + 2
    while not read(folder).ended and time.monotonic() < limit:
        time.sleep(0.05)
    kill(folder)


@contextlib.contextmanager
def serving(workspace: Workspace, model: str, *, allow_unverified: bool = False) -> Iterator[Server]:
    """Yield a server of `model`: one that runs already, or one started for this use and stopped after it."""
    found = next((server for server in running_servers(workspace) if server.model == model), None)
    if found:
        yield found
        return
    folder = workspace.jobs / start_server(workspace, model, allow_unverified=allow_unverified)
    try:
        yield wait_for_server(folder)
    finally:
        stop_server(folder)
