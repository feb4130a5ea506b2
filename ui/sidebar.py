"""The foot of the sidebar: what the machine has, and what is running on it now."""

from __future__ import annotations

import streamlit as st

from mactuner_core import hardware, jobs
from mactuner_core.format import human_bytes
from mactuner_core.workspace import Workspace
from ui.errors import errors_are_shown, escaped
from ui.job_card import title_of
from ui.language import t

REFRESH_S = 3.0
LISTED_JOBS = 3


def machine_facts(workspace: Workspace) -> None:
    """Draw device, memory and running jobs; while something runs they keep themselves up to date."""
    st.fragment(_facts, run_every=REFRESH_S if running_jobs(workspace) else None)(workspace)


def running_jobs(workspace: Workspace) -> list[jobs.JobStatus]:
    """Return the jobs that have not ended, newest first."""
    return [job for job in jobs.list_jobs(workspace.jobs) if not job.ended]


def _facts(workspace: Workspace) -> None:
    with errors_are_shown():
        machine = hardware.detect()
        total = machine.system_memory_bytes
        used = max(0, total - hardware.available_memory_bytes())
        st.space("small")
        device = t(f"ui.device_{machine.device}")
        st.caption(t("ui.sidebar_device", device=device, cores=machine.cores), help=t(machine.reason))
        st.progress(min(1.0, used / total))
        st.caption(t("ui.sidebar_memory", used=human_bytes(used), total=human_bytes(total)))
        for job in running_jobs(workspace)[:LISTED_JOBS]:
            share = f"{job.share:.0%}" if job.total and job.kind != "serve" else t(f"jobs.state_{job.state}")
            st.caption(t("ui.sidebar_job", title=escaped(title_of(job)), share=share))
