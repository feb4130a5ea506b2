"""A server on the page: figures, charts and requests while it runs, and beside them its address, its models and the end.

All it shows is on the disk, so a reload loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mactuner_core import jobs
from mactuner_core.chat.server_process import Server, find_server, settings_of
from mactuner_core.errors import MacTunerError
from mactuner_core.format import human_bytes, human_duration
from mactuner_core.jobs import JobStatus
from mactuner_core.messages import catalogue
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.job_card import COLOURS, figures_line, job_card, last_lines, live
from ui.language import language, t
from ui.navigation import link_to
from ui.page import App, main_and_settings
from ui.serve_charts import requests_chart, speed_chart
from ui.serve_form import own_addresses
from ui.serve_live import Live, LoadedModel, Request, read_live
from ui.serve_settings import settings_used
from ui.serve_snippets import snippets

# Streamlit fades what it is about to draw again; every second, on a busy machine, that is a flicker.
STEADY = """<style>
.st-key-serve-monitor :is([data-stale="true"], [data-testid="stExpander"], [data-testid="stExpander"] *) {opacity: 1 !important; transition: none !important}
</style>"""
METRIC_HEIGHT = 118
TABLE_HEIGHT = 230
MOST_ROWS = 50
LOG_HEIGHT = 300
STOP_EXTRA_S = 5.0  # over the time in which the server itself ends what still runs
USUAL_STOP_S = 8.0


def monitor(app: App, job: JobStatus) -> None:
    """Draw a server that starts, runs, stops or could not start."""
    ready = server_of(job)
    st.html(STEADY)
    with st.container(key="serve-monitor"):
        live(app.workspace, [job.id], lambda found: draw(found[0]), over=_over if ready is None else _has_ended)
    if ready and not job.ended:
        st.subheader(t("serve_page.connect"), anchor=False)
        snippets(ready)


def server_of(job: JobStatus) -> Server | None:
    """Return the server of a job once it answers; None before that and when it never will."""
    try:
        return find_server(job.folder)
    except MacTunerError:
        return None


def draw(job: JobStatus) -> None:
    """Draw everything about one server as it stands now."""
    if job.ended:
        job_card(job)
        return
    server, figures = server_of(job), _figures(job.folder)
    left, right = main_and_settings()
    with left:
        four_figures(figures)
        st.markdown(f"**{t('serve_page.chart_speed')}**")
        speed_chart(figures)
        st.markdown(f"**{t('serve_page.chart_requests')}**")
        requests_chart(figures)
        requests_table(figures)
    with right:
        card(job, server, figures)
        settings_used(settings_of(job.folder))
    with st.expander(t("ui.log"), icon=":material/notes:", key=f"serve-log-{job.id}"):
        st.code(last_lines(job) or t("ui.log_empty"), language=None, height=LOG_HEIGHT, wrap_lines=True)


def four_figures(live: Live) -> None:
    """Draw tokens a second, the requests at work, all requests so far, and the errors among them."""
    columns = st.columns(4)
    _figure(
        columns[0],
        t("serve_page.speed"),
        f"{live.tokens_per_second:,.0f}",
        t("serve_page.reading_speed", speed=f"{live.prompt_tokens_per_second:,.0f}"),
    )
    _figure(
        columns[1],
        t("serve_page.running"),
        f"{live.running:,}",
        t("serve_page.waiting", count=f"{live.waiting:,}"),
    )
    _figure(columns[2], t("serve_page.total"), f"{live.requests_total:,}", t("serve_page.since_start"))
    share = live.errors_total / live.requests_total if live.requests_total else 0.0
    _figure(columns[3], t("serve_page.errors"), f"{live.errors_total:,}", f"{share:.1%}")


def requests_table(live: Live) -> None:
    """Draw the requests that run and wait, in a place that keeps its height."""
    st.markdown(f"**{t('serve_page.requests_now')}**")
    with st.container(height=TABLE_HEIGHT, border=True, key="serve-requests"):
        if live.requests:
            small_table([_row(request) for request in live.requests[:MOST_ROWS]])
            if (more := len(live.requests) - MOST_ROWS) > 0:
                st.caption(t("serve_page.more_requests", count=more))
        else:
            st.caption(t("serve_page.no_requests"), text_alignment="center")


def card(job: JobStatus, server: Server | None, live: Live) -> None:
    """Draw the server itself: its state, its address, its models, and the way to end it."""
    with st.container(border=True, key=f"server-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{escaped(job.title)}**", width="content")
            state = "loading" if server is None and job.state == "running" else job.state
            known = f"serve_page.state_{state}"
            colour = "green" if state == "running" else COLOURS.get(state, "blue")
            st.badge(t(known if known in catalogue() else f"jobs.state_{state}"), color=colour)  # type: ignore[arg-type]
        st.caption(figures_line(job))
        if server is None and job.state != "stopping":
            st.info(t("chat_page.loading"), icon=":material/hourglass_top:")
        if server:
            address(server)
            models(server.models, live.models)
            if not server.needs_key and job.state == "running":
                link_to("chat", t("serve_page.to_chat"))
        warnings(job)
        stop(job, live)


def address(server: Server) -> None:
    """Draw where the server answers, for this machine and, where it is open, for others."""
    st.code(server.url, language=None, wrap_lines=True)
    if server.needs_key:
        st.caption(f":material/key: {t('serve_page.needs_key')}")
    else:
        st.caption(f":material/lock: {t('serve_page.this_machine_only')}")
    if server.settings.get("host") == "0.0.0.0":  # noqa: S104 (compared, not opened)
        port = server.url.rpartition(":")[2]
        st.caption(t("serve_page.other_machines"))
        st.code("\n".join(f"http://{own}:{port}" for own in own_addresses()) or "–", language=None, wrap_lines=True)


def models(names: Sequence[str], loaded: Sequence[LoadedModel]) -> None:
    """Draw the names that clients use, each with its state and the memory it takes."""
    known = {model.name: model for model in loaded}
    for name in names:
        model = known.get(name)
        state = (
            t(f"serve_page.model_{model.state}") if model and f"serve_page.model_{model.state}" in catalogue() else ""
        )
        size = human_bytes(model.bytes) if model and model.bytes else ""
        more = " · ".join(part for part in (state, size) if part)
        st.markdown(f":material/deployed_code: {escaped(name)}" + (f"  \n:gray[{more}]" if more else ""))


def warnings(job: JobStatus) -> None:
    """Draw what the server said one should know, such as a file that nobody verified."""
    for event in jobs.events(job.folder):
        if event.get("kind") == "warning" and event.get("message") in catalogue():
            with errors_are_shown():
                words = t(event["message"], **{"model": job.title} | event.get("values", {}))
                st.caption(f":orange[:material/warning:] {escaped(words)}")


def stop(job: JobStatus, live: Live) -> None:
    """Draw the button that ends the server; it asks first and says how many answers are running."""
    with st.popover(t("serve_page.stop"), icon=":material/stop_circle:", width="stretch"):
        open_now = live.running + live.waiting
        question = t("serve_page.stop_busy", running=live.running, waiting=live.waiting) if open_now else ""
        st.markdown(question or t("serve_page.stop_idle"))
        grace = float(settings_of(job.folder).get("shutdown_s", USUAL_STOP_S))
        if open_now:
            st.caption(t("serve_page.stop_grace", duration=human_duration(grace, language())))
        if st.button(t("serve_page.stop_yes"), key=f"stop-{job.id}", type="primary", disabled=job.state == "stopping"):
            jobs.request_stop(job.folder, grace + STOP_EXTRA_S)
            st.rerun()
        if job.state == "stopping" and st.button(t("ui.stop_now"), key=f"kill-{job.id}"):
            jobs.kill(job.folder)
            st.rerun()


def _figures(folder: Path) -> Live:
    """Return how the server stands, or stood when it was last readable; all zero before it first said."""
    kept: dict[str, Live] = st.session_state.setdefault("serve-live", {})
    if (now := read_live(folder)) is not None:
        kept[folder.name] = now
    return kept.get(folder.name, Live())


def _row(request: Request) -> dict[str, object]:
    known = f"serve_page.request_{request.state}"
    values = {
        "state": t(known) if known in catalogue() else request.state,
        "model": request.model,
        "age": human_duration(request.age_s, language()),
        "prompt": _count(request.prompt_tokens),
        "answer": _count(request.completion_tokens),
        "id": request.id,
    }
    return {t(f"serve_page.column_{name}"): value for name, value in values.items()}


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _figure(column: DeltaGenerator, label: str, value: str, note: str) -> None:
    column.metric(label, value, note, delta_color="off", delta_arrow="off", border=True, height=METRIC_HEIGHT)


def _has_ended(job: JobStatus) -> bool:
    return job.ended


def _over(job: JobStatus) -> bool:
    return job.ended or server_of(job) is not None
