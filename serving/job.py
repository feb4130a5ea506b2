"""The server as a job, so that a page or the command line can start it, find its address and stop it."""

from __future__ import annotations

import os
from typing import Any

from mactuner_core.jobs import Job
from mactuner_core.server.settings import KEYS_VARIABLE
from mactuner_core.workspace import write_json
from serving.logs import set_up_logging
from serving.server import serve
from serving.settings import ServeSettings

LIVE = "live.json"
_SHUTDOWN_S = 8  # below the time that those who stop a server's job give it


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Serve with the settings in `spec` until the job is asked to stop.

    The event of kind "ready" holds the url and the model names, and so does the result. While it runs, live.json in the
    job's folder says how the server stands (`live.py`).
    """
    settings = ServeSettings.check({"shutdown_s": _SHUTDOWN_S, **spec})
    set_up_logging(settings.log_format)
    result: dict[str, Any] = {}

    def ready(url: str, models: list[str]) -> None:
        result.update(url=url, models=models)
        needs_key = bool(settings.api_key_file or os.environ.get(KEYS_VARIABLE))
        job.event(kind="ready", url=url, models=models, needs_key=needs_key)

    serve(
        settings,
        on_ready=ready,
        on_warning=lambda notice: job.event(kind="warning", message=notice.code, values=notice.plain()),
        should_stop=job.stop_requested,
        on_live=lambda live: write_json(job.folder / LIVE, live),
    )
    return result
