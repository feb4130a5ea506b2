"""The server as a job, so that a page or the command line can start it, find its address and stop it."""

from __future__ import annotations

from typing import Any

from mactuner_core.jobs import Job
from serving.server import serve, set_up_logging
from serving.settings import ServeSettings


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Serve with the settings in `spec` until the job is asked to stop; the event `ready` holds url and models."""
    settings = ServeSettings.check(spec)
    set_up_logging()
    result: dict[str, Any] = {}

    def ready(url: str, models: list[str]) -> None:
        result.update(url=url, models=models)
        job.event(kind="ready", url=url, models=models)

    serve(settings, on_ready=ready, on_warning=lambda key: job.event(warning=key), should_stop=job.stop_requested)
    return result
