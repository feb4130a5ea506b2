"""A job as it looks everywhere: name, state, progress bar, one line of figures, Stop and Log; and the live monitor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import streamlit as st

from mactuner_core import jobs
from mactuner_core.errors import error_from_dict
from mactuner_core.format import human_bytes, human_duration
from mactuner_core.jobs import JobStatus
from mactuner_core.messages import catalogue
from mactuner_core.workspace import Workspace
from ui.errors import errors_are_shown, escaped, show_error
from ui.language import language, stage_text, t

REFRESH_S = 1.0
LOG_LINES = 200
COUNTED_IN_BYTES = ("models.stage_downloading", "rag.stage_reading")
COLOURS = {"running": "blue", "queued": "gray", "stopping": "orange", "done": "green", "cancelled": "gray"}


def has_ended(job: JobStatus) -> bool:
    """Tell whether a job will not change any more."""
    return job.ended


def live(
    workspace: Workspace,
    job_ids: Sequence[str],
    draw: Callable[[list[JobStatus]], None],
    *,
    over: Callable[[JobStatus], bool] = has_ended,
) -> None:
    """Let `draw` show the jobs and look again every second; when one of them is over, the whole page is drawn anew.

    Call it at the top level of a page, once.
    """
    folders = [workspace.jobs / job_id for job_id in job_ids]
    watched = [folder for folder in folders if not over(jobs.read(folder))]

    def monitor() -> None:
        with errors_are_shown():
            draw([jobs.read(folder) for folder in folders])
        if any(over(jobs.read(folder)) for folder in watched):
            st.rerun()

    st.fragment(monitor, run_every=REFRESH_S if watched else None)()


def job_card(job: JobStatus, *figures: str) -> None:
    """Draw one job; `figures` (such as tokens a second) join its line."""
    with st.container(border=True, key=f"job-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{escaped(title_of(job))}**", width="content")
            st.badge(t(f"jobs.state_{job.state}"), color=COLOURS.get(job.state, "red"))  # type: ignore[arg-type]
        if not job.ended and job.kind != "serve":
            st.progress(job.share)
        st.caption(figures_line(job, *figures))
        _outcome(job)
        if not job.ended:
            _stop_button(job)
        _log(job)


def title_of(job: JobStatus) -> str:
    """Return what kind of work a job does, and on what."""
    kind = f"ui.kind_{job.kind}"
    return t("ui.job_title", kind=t(kind), title=job.title) if kind in catalogue() else job.title


def figures_line(job: JobStatus, *figures: str) -> str:
    """Return "step 120 / 400 · 1,940 tok/s · 2 min 10 s left" for a running job, how long it took for an ended one."""
    if job.ended:
        return t("ui.job_took", duration=human_duration(max(0, job.elapsed_s), language()))
    parts = [stage_text(job.stage)] if job.kind != "serve" else []
    if job.total:
        counted = human_bytes if job.stage in COUNTED_IN_BYTES else "{:,.0f}".format
        parts.append(t("ui.job_counts", done=counted(job.done), total=counted(job.total)))
    parts += figures
    if job.eta_s is not None:
        parts.append(t("ui.job_left", duration=human_duration(job.eta_s, language())))
    elif job.started_at:
        parts.append(t("ui.job_since", duration=human_duration(job.elapsed_s, language())))
    return " · ".join(part for part in parts if part)


def _outcome(job: JobStatus) -> None:
    if job.error:
        show_error(error_from_dict(job.error))
    elif job.state == "lost":
        st.error(escaped(t("jobs.lost", log=job.folder / "log.txt")), icon=":material/error:")


def _stop_button(job: JobStatus) -> None:
    with st.popover(t("ui.stop"), icon=":material/stop_circle:"):
        st.markdown(t("ui.stop_question"))
        if st.button(t("ui.stop_yes"), key=f"stop-{job.id}", type="primary", disabled=job.state == "stopping"):
            jobs.request_stop(job.folder)
            st.rerun()
        if job.state == "stopping" and st.button(t("ui.stop_now"), key=f"kill-{job.id}"):
            jobs.kill(job.folder)
            st.rerun()


def _log(job: JobStatus) -> None:
    with st.expander(t("ui.log"), icon=":material/notes:"):
        st.code(last_lines(job) or t("ui.log_empty"), language=None, height=240, wrap_lines=True)


def last_lines(job: JobStatus) -> str:
    """Return the end of the job's log."""
    try:
        with (job.folder / "log.txt").open(encoding="utf-8", errors="replace") as file:
            return "".join(deque(file, LOG_LINES)).replace("\r", "\n")
    except FileNotFoundError:
        return ""


def jobs_of(workspace: Workspace, *kinds: str) -> list[JobStatus]:
    """Return the running jobs of these kinds, and the newest one when it did not end well."""
    found = [job for job in jobs.list_jobs(workspace.jobs) if job.kind in kinds]
    return [job for place, job in enumerate(found) if not job.ended or (place == 0 and job.state in ("failed", "lost"))]
