"""Long work in its own process: it outlives the page, the browser tab and the Streamlit server.

A job is `python -m mactuner_core.jobs FOLDER`. Its folder holds `spec.json` (what to do), `process.json` (who does it),
`status.json` (how far it is), `events.jsonl` (metrics, one object a line), `stop.json` (the wish to stop) and `log.txt`.
What the state is follows from that folder alone (`read`). Secrets reach a job through its environment only.
"""

from mactuner_core.jobs.control import cancel_on_interrupt, kill, request_stop, start, wait
from mactuner_core.jobs.job import Job, JobCancelled
from mactuner_core.jobs.status import ENDED, JobStatus, events, list_jobs, read

__all__ = [
    "ENDED",
    "Job",
    "JobCancelled",
    "JobStatus",
    "cancel_on_interrupt",
    "events",
    "kill",
    "list_jobs",
    "read",
    "request_stop",
    "start",
    "wait",
]
