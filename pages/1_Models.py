"""Models: what there is to train, what is worth fetching, what is on the disk, and four ways to get one more."""

from __future__ import annotations

import streamlit as st

from mactuner_core import jobs
from mactuner_core.format import human_bytes
from mactuner_core.jobs import JobStatus
from mactuner_core.models.hub import offline_by_choice
from mactuner_core.models.hub_cache import is_unfinished
from mactuner_core.models.hub_download import KIND, start_download
from ui.errors import errors_are_shown
from ui.job_card import job_card, jobs_of, live
from ui.language import labels, t
from ui.models_disk import disk
from ui.models_get import get_a_model
from ui.models_mine import mine
from ui.models_pick import VIEW, is_offline, token
from ui.models_search import hub_search, recommendations
from ui.page import App, header, main_and_settings, show

VIEWS = {"mine": mine, "recommended": recommendations, "search": hub_search, "disk": disk}


def main(app: App) -> None:
    """Draw the page."""
    count = len(app.catalog.models())
    header("models", t("models_page.sentence"), t("models_page.chip", count=count), "blue" if count else "gray")
    left, right = main_and_settings()
    with right:
        get_a_model(app)
    with left:
        at_work = jobs_to_show(app)
        if at_work:
            live(app.workspace, [job.id for job in at_work], lambda now: draw_jobs(app, now))
        names = labels("models_page.view_", VIEWS)
        st.session_state.setdefault(VIEW, "mine")
        view = st.segmented_control(
            t("models_page.view"),
            names,
            format_func=names.__getitem__,
            required=True,
            key=VIEW,
            label_visibility="collapsed",
            width="stretch",
        )
        if is_offline():
            no_hub()
        VIEWS[view or "mine"](app)


def no_hub() -> None:
    """Say that the Hub cannot be asked, and what goes without it."""
    st.info(
        t("models_page.switched_off" if offline_by_choice() else "models_page.offline"), icon=":material/cloud_off:"
    )


def jobs_to_show(app: App) -> list[JobStatus]:
    """Return what is being made or downloaded, and the last download when it did not come to its end."""
    found = jobs_of(app.workspace, "starter", KIND)
    downloads = [job for job in jobs.list_jobs(app.workspace.jobs) if job.kind == KIND]
    if downloads and downloads[0].state == "cancelled" and not found and is_unfinished(downloads[0].title):
        return downloads[:1]
    return found


def draw_jobs(app: App, now: list[JobStatus]) -> None:
    """Draw the jobs with their speed, and how a download goes on."""
    for job in now:
        speed = (job.total - job.done) / job.eta_s if job.eta_s else 0
        job_card(job, *([t("models_page.speed", speed=human_bytes(speed))] if speed and job.kind == KIND else []))
        if job.kind == KIND and job.ended and job.state != "done":
            go_on_button(app, job)


def go_on_button(app: App, job: JobStatus) -> None:
    """Draw the button that starts a download again where it ended."""
    if st.button(t("models_page.go_on"), key=f"again-{job.id}", icon=":material/download:"):
        with errors_are_shown():
            start_download(app.workspace, job.title, token())
            st.rerun()


show("models", main)
