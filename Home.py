"""The first page: what to do next, what is running, what was made last, and what this machine has.

Opens without torch: the work itself happens in processes of its own.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import streamlit as st

from mactuner_core import hardware
from mactuner_core.format import human_bytes, human_count
from mactuner_core.jobs import JobStatus
from mactuner_core.workspace import is_complete
from ui.errors import escaped
from ui.job_card import job_card, live
from ui.language import t
from ui.moments import ago
from ui.navigation import PAGES, go_button, link_to
from ui.page import App, header, main_and_settings, show
from ui.sidebar import running_jobs

RECENT = 6


@dataclass(frozen=True)
class Made:
    """One thing in the catalogue, for the list of recent ones."""

    page: str
    name: str
    facts: str
    created_at: datetime


def main(app: App) -> None:
    """Draw the page."""
    made = everything(app)
    running = running_jobs(app.workspace)
    chip = t("home.chip_running", count=len(running)) if running else t("home.chip_ready")
    header("home", t("home.sentence"), chip, "blue" if running else "green")
    quick_start(app)
    left, right = main_and_settings()
    with left:
        st.subheader(t("home.running"), anchor=False)
        if running:
            live(app.workspace, [job.id for job in running], draw_jobs)
        else:
            st.caption(t("home.nothing_running"))
        st.subheader(t("home.recent"), anchor=False)
        recent(made)
    with right:
        st.subheader(t("home.machine"), anchor=False)
        machine(app)


def quick_start(app: App) -> None:
    """Draw the way from a file to an answer as five steps, the next one lit."""
    runs = [run for run in app.catalog.runs() if is_complete(Path(run.path))]
    exports = [export for export in app.catalog.exports() if is_complete(Path(export.path))]
    counts = {
        "data": len(app.catalog.dataset_versions()),
        "models": len(app.catalog.models()),
        "training": len(runs),
        "export": len(exports),
    }
    next_step = next((name for name, count in counts.items() if not count), "chat")
    for number, (column, name) in enumerate(zip(st.columns(5), [*counts, "chat"], strict=True), start=1):
        with column, st.container(border=True, height="stretch", vertical_alignment="distribute", key=f"step-{name}"):
            done = bool(counts.get(name))
            with st.container(gap="xsmall"):
                st.markdown(step_mark(number, done, name == next_step))
                st.markdown(f"**{t(f'home.step_{name}')}**")
                st.caption(t(f"home.have_{name}", count=counts[name]) if done else t(f"home.about_{name}"))
            if name == next_step:
                go_button(name, t("home.start_here"), key=f"go-{name}")
            else:
                link_to(name, t("home.open"))


def step_mark(number: int, done: bool, is_next: bool) -> str:
    """Return the badge of a step: a tick when something is there, lit when it comes next."""
    if done:
        return f":green-badge[:material/check: {number}]"
    return f":blue-badge[{number}]" if is_next else f":gray-badge[{number}]"


def draw_jobs(running: list[JobStatus]) -> None:
    """Draw the cards of the running jobs."""
    for job in running:
        job_card(job)


def everything(app: App) -> list[Made]:
    """Return all that the catalogue holds, newest first."""
    made = [
        Made(
            "data",
            version.id,
            t("home.fact_rows", rows=version.train_rows + version.validation_rows),
            version.created_at,
        )
        for version in app.catalog.dataset_versions()
    ]
    made += [
        Made("models", model.id, t("home.fact_parameters", parameters=human_count(model.parameters)), model.created_at)
        for model in app.catalog.models()
    ]
    made += [
        Made("training", run.id, f"{run.model_id} · {run.dataset_id}", run.created_at) for run in app.catalog.runs()
    ]
    made += [
        Made("export", export.id, export.run_id or export.model_id, export.created_at)
        for export in app.catalog.exports()
    ]
    return sorted(made, key=lambda item: item.created_at, reverse=True)


def recent(made: list[Made]) -> None:
    """Draw the newest things as a list."""
    if not made:
        st.caption(t("home.nothing_made"))
        return
    with st.container(border=True, gap="small"):
        for item in made[:RECENT]:
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                words = f"{PAGES[item.page].icon} **{escaped(item.name)}** :gray[{escaped(item.facts)}]"
                st.markdown(words, width="content")
                st.caption(ago(item.created_at), width="content")


def machine(app: App) -> None:
    """Draw device and reason, memory and disk."""
    found = hardware.detect()
    disk = shutil.disk_usage(app.workspace.root)
    with st.container(border=True):
        st.metric(t("home.device"), t(f"ui.device_{found.device}"), icon=":material/developer_board:")
        reason = t(found.reason)
        st.caption(escaped(reason[:1].upper() + reason[1:]))
        memory, space = st.columns(2)
        memory.metric(
            t("home.memory"),
            human_bytes(found.system_memory_bytes),
            help=t("ui.exact_bytes", n=f"{found.system_memory_bytes:,}"),
        )
        space.metric(t("home.disk_free"), human_bytes(disk.free), help=t("ui.exact_bytes", n=f"{disk.free:,}"))
        st.caption(t("home.folder", folder=escaped(short_path(app.workspace.root))))


def short_path(path: Path) -> str:
    """Return a path with the person's own folder as "~"."""
    home = Path.home()
    return str(Path("~") / path.relative_to(home)) if path.is_relative_to(home) else str(path)


show("home", main)
