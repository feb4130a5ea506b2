"""Serve: start, watch and stop servers that any OpenAI client can use, and copy what a client needs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mactuner_core.chat.server_process import settings_of
from mactuner_core.jobs import JobStatus
from ui.errors import escaped
from ui.job_card import job_card, jobs_of
from ui.language import t
from ui.navigation import go
from ui.page import App, empty_state, header, main_and_settings, show
from ui.serve_choices import choices_of
from ui.serve_form import server_form
from ui.serve_monitor import monitor, server_of

NEW = "new"  # in the address: open the form, though servers run


def main(app: App) -> None:
    """Draw the page."""
    found = jobs_of(app.workspace, "serve")
    running = [job for job in found if not job.ended]
    count = sum(server_of(job) is not None for job in running)
    header(
        "serve", t("serve_page.sentence"), t("serve_page.chip", count=count) if count else t("serve_page.chip_off"),
        "green" if count else "gray",
    )  # fmt: skip
    asked_for_form = NEW in st.query_params or "export" in st.query_params
    if not found and not asked_for_form and not choices_of(app):
        nothing_to_serve()
        return
    shown = shown_server(running) if not asked_for_form else None
    if running:
        switch(running, shown)
    if shown:
        monitor(app, shown)
        return
    left, right = main_and_settings()
    with right:
        server_form(app)
    with left:
        for job in found:
            if job.ended:
                job_card(job)
        st.info(t("serve_page.start_first"), icon=":material/arrow_forward:")
        st.markdown(t("serve_page.what_it_is"))


def nothing_to_serve() -> None:
    """Draw the page when there is no export; whoever has a file of their own can go on with it."""
    empty_state(":material/dns:", t("serve_page.empty"), t("serve_page.empty_button"), "export")
    with st.container(horizontal=True, horizontal_alignment="center"):
        if st.button(t("serve_page.have_file"), type="tertiary", icon=":material/folder_open:", key="serve-have-file"):
            go("serve", new="1")


def shown_server(running: Sequence[JobStatus]) -> JobStatus | None:
    """Return the server to look at: the one in the address, else the newest."""
    wanted = st.query_params.get("server")
    shown = next((job for job in running if job.id == wanted), next(iter(running), None))
    if shown:
        st.query_params["server"] = shown.id  # a reload looks at the same one
    elif wanted:
        del st.query_params["server"]
    return shown


def switch(running: Sequence[JobStatus], shown: JobStatus | None) -> None:
    """Draw which of the running servers to look at, and the way to one more."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        names = {job.id: name_of(job) for job in running}
        if len(running) > 1 or shown is None:
            wanted = st.pills(
                t("serve_page.servers"), list(names), default=shown.id if shown else None, format_func=names.__getitem__,
                key=f"serve-switch-{shown.id if shown else NEW}-{len(running)}", label_visibility="collapsed",
            )  # fmt: skip
            if wanted and (shown is None or wanted != shown.id):
                go("serve", server=wanted)
        else:
            st.caption(f":material/dns: {names[running[0].id]}")
        if shown and st.button(t("serve_page.new"), icon=":material/add:", type="tertiary", key="serve-new"):
            go("serve", new="1")


def name_of(job: JobStatus) -> str:
    """Return what a server is called in the list: what it serves and where."""
    server = server_of(job)
    port = server.url.rpartition(":")[2].removesuffix("/v1") if server else settings_of(job.folder).get("port") or "…"
    return t("serve_page.server_name", title=escaped(job.title), port=port)


show("serve", main)
