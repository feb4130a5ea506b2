"""Work for the job tests, run in real job processes."""

from __future__ import annotations

import os
import time
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.jobs import Job


def count(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Count to `spec["to"]`, one event each."""
    for number in range(1, spec["to"] + 1):
        job.event(number=number)
        job.progress(number, spec["to"], "jobs.stage_starting")
    return {"counted": spec["to"], "secret": os.environ.get("SECRET_FOR_TEST", "")[:1]}


def refuse(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Fail as core functions do."""
    raise InputError("workspace.bad_name", name="../x")


def break_down(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Fail as nobody foresaw."""
    raise RuntimeError("a bug")


def until_stopped(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Work until asked to stop, then leave."""
    while True:
        job.progress(1, 2, "jobs.stage_starting")
        job.raise_if_stopped()
        time.sleep(0.02)


def deaf(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Never look whether a stop is wanted."""
    time.sleep(120)
    return {}


def save_slowly(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """When asked to stop, take two seconds to save, as was said before."""
    job.needs(20)
    job.progress(1, 4, "jobs.stage_starting", eta_s=7.5)
    while not job.stop_requested():
        time.sleep(0.02)
    time.sleep(2)
    (job.folder / "saved").touch()
    job.raise_if_stopped()
    return {}
