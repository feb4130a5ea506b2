"""Starting, stopping and awaiting jobs from another process: a page, the command line, a test."""

from __future__ import annotations

import contextlib
import json
import os
import secrets as random_names
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from mactuner_core.jobs.status import JobStatus, process_lives, read
from mactuner_core.messages import current_language
from mactuner_core.workspace import Workspace, disk_full_is_clear, write_json

STOP_GRACE_S = 30.0


def new_id(prefix: str) -> str:
    """Return a fresh id such as `train-1120-1432-9f3a`: readable, ordered within a year, unique."""
    return f"{prefix}-{datetime.now():%m%d-%H%M%S}-{random_names.token_hex(2)}"


def start(
    workspace: Workspace,
    kind: str,
    spec: dict[str, Any],
    *,
    title: str = "",
    job_id: str | None = None,
    secrets: dict[str, str] | None = None,
) -> str:
    """Start a job of `kind` in a session of its own and return its id; `secrets` go into its environment only."""
    folder = workspace.jobs / (job_id or new_id(kind))
    with disk_full_is_clear(folder):
        folder.mkdir(parents=True)
        content = {"kind": kind, "title": title or folder.name, "created_at": time.time(), "spec": spec}
        write_json(folder / "spec.json", content)
        # waiting threads sleep: where they spin, a second busy program makes the arithmetic ten to twenty times slower
        environment = (
            {"OMP_WAIT_POLICY": "PASSIVE"}
            | os.environ
            | {"MACTUNER_HOME": str(workspace.root), "MACTUNER_LANG": current_language()}
        )
        environment |= {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"} | (secrets or {})
        root = Path(__file__).parents[2]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), environment.get("PYTHONPATH")]))
        with (folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "mactuner_core.jobs", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment,
            )
    threading.Thread(target=process.wait, daemon=True).start()  # reaps it, so that a dead job is not a zombie
    _record_process(folder, process.pid)
    return folder.name


def request_stop(folder: Path, grace_s: float = STOP_GRACE_S) -> None:
    """Ask a job to save and leave; it ends itself `grace_s` seconds later if it has not done so by then."""
    if not read(folder).ended:
        write_json(folder / "stop.json", {"requested_at": time.time(), "grace_s": grace_s})


def kill(folder: Path) -> None:
    """End a job's process and everything it started, at once."""
    process = _process(folder)
    if not process_lives(process):
        return
    write_json(folder / "stop.json", {"requested_at": time.time(), "grace_s": 0})
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process["pid"], signal.SIGKILL)
    with contextlib.suppress(psutil.Error):
        psutil.Process(process["pid"]).wait(timeout=5)


def wait(folder: Path, on_change: Callable[[JobStatus], None] | None = None, poll_s: float = 0.2) -> JobStatus:
    """Wait until the job has ended and return its last status; `on_change` sees every look at it."""
    while True:
        status = read(folder)
        if on_change:
            on_change(status)
        if status.ended:
            return status
        time.sleep(poll_s)


@contextlib.contextmanager
def cancel_on_interrupt(folder: Path) -> Iterator[None]:
    """On Ctrl-C ask the job to stop and wait for it; on a second Ctrl-C kill it. The interrupt then goes on."""
    try:
        yield
    except KeyboardInterrupt:
        request_stop(folder)
        try:
            wait(folder)
        except KeyboardInterrupt:
            kill(folder)
        raise


def _record_process(folder: Path, pid: int) -> None:
    try:
        created = psutil.Process(pid).create_time()
    except psutil.Error:
        created = 0.0  # it has ended already; a pid with no start time is never taken for alive
    write_json(folder / "process.json", {"pid": pid, "create_time": created})


def _process(folder: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads((folder / "process.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data
