"""The server of a GGUF file as a job of its own: started, found again and stopped by pages and commands.

The job runs `serving/`; this file only knows its events. A server writes the event `{"kind": "ready", "url", "models",
"needs_key"}`.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mactuner_core.errors import WorkError, error_from_dict
from mactuner_core.jobs import events, kill, list_jobs, read, request_stop, start
from mactuner_core.server.settings_rag import ALL
from mactuner_core.workspace import Workspace

READY_LIMIT_S = 300.0
STOP_LIMIT_S = 10.0


@dataclass(frozen=True)
class Server:
    """A server that answers at `url` (it ends in /v1).

    `model` is what it was started with, `models` are the names it serves, `settings` those it was given; `needs_key` says
    whether a request must carry an API key.
    """

    job_id: str
    model: str
    url: str
    models: list[str]
    settings: dict[str, Any] = field(default_factory=dict)
    needs_key: bool = False

    def answers_from(self, collection: str) -> bool:
        """Tell whether it was started to answer from a collection."""
        return bool({collection, ALL} & set(self.settings.get("collection") or []))


def start_server(workspace: Workspace, model: str | Sequence[str], *, port: int = 0, **settings: Any) -> str:
    """Start serving models (each an export, `EXPORT:QUANT` or a GGUF file) and return the job's id.

    Port 0 means any free one; `settings` are more of the server's own. Whoever starts a server checks them first.
    """
    title = model if isinstance(model, str) else ", ".join(model)
    wanted = model if isinstance(model, str) else list(model)
    return start(workspace, "serve", {"model": wanted, "port": port, **settings}, title=title)


def find_server(folder: Path) -> Server | None:
    """Return the server of the job in `folder` once it answers, None while it loads; raises what made it fail."""
    status = read(folder)
    if status.state == "failed" and status.error:
        raise error_from_dict(status.error)
    if status.ended:
        raise WorkError("jobs.lost", log=folder / "log.txt")
    ready = next((event for event in events(folder) if event.get("kind") == "ready"), None)
    if ready is None:
        return None
    url, models, needs_key = ready["url"], ready["models"], bool(ready.get("needs_key"))
    return Server(folder.name, status.title, url, models, settings_of(folder), needs_key)


def settings_of(folder: Path) -> dict[str, Any]:
    """Return the settings that the server in `folder` was started with; they hold no key."""
    spec: dict[str, Any] = json.loads((folder / "spec.json").read_text(encoding="utf-8"))["spec"]
    return spec


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
def serving(
    workspace: Workspace, model: str, *, collection: str | None = None, allow_unverified: bool = False
) -> Iterator[Server]:
    """Yield a server of `model`: one that runs already, or one started for this use and stopped after it.

    With `collection` it answers from that collection of documents.
    """
    servers = [server for server in running_servers(workspace) if server.model == model and not server.needs_key]
    found = next((one for one in servers if collection is None or one.answers_from(collection)), None)
    if found:
        yield found
        return
    more: dict[str, Any] = {} if collection is None else {"collection": [collection]}
    folder = workspace.jobs / start_server(workspace, model, allow_unverified=allow_unverified, **more)
    try:
        yield wait_for_server(folder)
    finally:
        stop_server(folder)
