"""A synthesis at work and after it: what was accepted and refused and why, what it cost; going on, and saving the rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import streamlit as st

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.importing import import_file
from mactuner_core.data.rows import Example
from mactuner_core.data.synthesis.start import read_synthesis, resume_synthesis
from mactuner_core.jobs import JobStatus
from mactuner_core.workspace import Workspace
from ui.data_draft import recall, remember
from ui.data_table import TABLE_HEIGHT, example_rows
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.job_card import job_card, live
from ui.language import t

SECRET = "synthesis-secret"  # noqa: S105 (where the session keeps the key, not the key)
SHOWN_ROWS = 50
REASON_CHARACTERS = 200


def choose_synthesis(workspace: Workspace) -> str:
    """Draw the choice when there are several syntheses, and return the id of the chosen one, or ""."""
    place = workspace.root / "synthesis"
    names = sorted((file.parent.name for file in place.glob("*/job.json")), reverse=True) if place.is_dir() else []
    if len(names) < 2:
        return names[0] if names else ""
    last = recall(workspace, "synthesis-shown").get("id")
    name = str(
        st.selectbox(
            t("data_synthesis.which"),
            names,
            index=names.index(last) if last in names else 0,
            key=f"synthesis-which-{names[0]}",
        )
    )
    remember_shown(workspace, name)
    return name


def remember_shown(workspace: Workspace, name: str) -> None:
    """Keep which synthesis is looked at."""
    remember(workspace, "synthesis-shown", {"id": name})


def draw_synthesis(workspace: Workspace, catalog: Catalog, version: DatasetVersion, name: str) -> None:
    """Draw the job and what came of it; while it works it is looked at every second."""
    written = (workspace.root / "synthesis" / name / "job.json").read_text(encoding="utf-8")
    job = jobs.read(workspace.jobs / str(json.loads(written)["id"]))

    def draw(found: list[JobStatus]) -> None:
        state = read_synthesis(workspace, name)
        figures = t(
            "data_synthesis.figures", refused=f"{sum(state['refused'].values()):,}", tokens=f"{state['tokens']:,}"
        )
        job_card(found[0], figures)
        outcome(state)

    if job.folder.is_dir():
        live(workspace, [job.id], draw)
    else:
        outcome(read_synthesis(workspace, name))
    if not job.ended:
        return
    state = read_synthesis(workspace, name)
    reason = str((job.result or {}).get("stopped_by", ""))
    if reason in ("budget", "requests", "fruitless"):
        st.warning(t(f"data_synthesis.stopped_by_{reason}"), icon=":material/info:")
    rows = list(accepted_rows(Path(state["path"])))
    if rows:
        with errors_are_shown():
            save_rows(workspace, catalog, version, state)
        st.caption(t("data_synthesis.read_them", model=escaped(state["model"])))
        small_table(example_rows(rows), height=TABLE_HEIGHT if len(rows) > 5 else None)
        if state["accepted"] > len(rows):
            st.caption(t("data_page.first_rows", shown=len(rows), rows=f"{state['accepted']:,}"))
    with errors_are_shown():
        go_on(workspace, state)


def outcome(state: dict[str, Any]) -> None:
    """Draw the figures, and the reasons of what was refused or failed."""
    refused = sum(state["refused"].values())
    columns = st.columns(3)
    columns[0].metric(t("data_synthesis.accepted"), f"{state['accepted']:,} / {state['wanted']:,}")
    columns[1].metric(t("data_synthesis.refused"), f"{refused:,}")
    columns[2].metric(
        t("data_synthesis.tokens"),
        f"{state['tokens']:,}",
        help=t("data_synthesis.budget", budget=f"{state['token_budget']:,}"),
    )
    reasons = {**state["refused"], **state["failed"]}
    if reasons:
        reason, count = t("data_page.reason"), t("data_synthesis.times")
        rows = [{reason: _reason(code, state), count: f"{number:,}"} for code, number in reasons.items()]
        small_table(rows, height=TABLE_HEIGHT if len(rows) > 6 else None)


def _reason(code: str, state: dict[str, Any]) -> str:
    words = t(code, **state["first"][code])
    return words if len(words) <= REASON_CHARACTERS else words[:REASON_CHARACTERS] + "…"


def accepted_rows(path: Path) -> Iterator[Example]:
    """Yield the first accepted rows."""
    with path.open(encoding="utf-8") as file:
        for number, line in zip(range(1, SHOWN_ROWS + 1), file, strict=False):
            yield Example(number, json.loads(line)["messages"])


def save_rows(workspace: Workspace, catalog: Catalog, version: DatasetVersion, state: dict[str, Any]) -> None:
    """Draw the name and the button that makes a dataset version of the accepted rows, each marked as synthetic."""
    source = f"{state['id']}.jsonl"
    saved = [made.id for made in catalog.dataset_versions() if made.source_name == source]
    if saved:
        st.success(t("data_synthesis.saved", id=escaped(saved[0])), icon=":material/check_circle:")
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    name = left.text_input(
        t("data_page.name"), f"{version.name[:54]}-synthetic", max_chars=64, key=f"synthesis-name-{state['id']}"
    ).strip()
    pressed = right.button(
        t("data_synthesis.save"), icon=":material/save:", disabled=not name, width="stretch", key="synthesis-save"
    )
    if pressed:
        with st.spinner(t("data_synthesis.saving")):
            made = import_file(workspace, catalog, Path(state["path"]), name, source_name=source)
        remember(workspace, "versions", {"newest": made.id, "version": version.id, "view": "synthesis"})
        st.rerun()


def go_on(workspace: Workspace, state: dict[str, Any]) -> None:
    """Draw how many rows and tokens there shall be in all, and the button that goes on from what is there."""
    with st.expander(t("data_synthesis.go_on"), icon=":material/play_arrow:", expanded=not state["accepted"]):
        st.caption(t("data_synthesis.go_on_help"))
        left, right = st.columns(2)
        count = left.number_input(
            t("data_synthesis.wanted"), 1, 100_000, int(state["wanted"]), key=f"synthesis-count-{state['id']}"
        )
        budget = right.number_input(
            t("data_synthesis.token_budget"),
            1,
            10**12,
            int(state["token_budget"]),
            key=f"synthesis-budget-{state['id']}",
        )
        if st.button(t("data_synthesis.go_on_yes"), icon=":material/play_arrow:", key="synthesis-go-on"):
            changes = {"count": int(count), "token_budget": int(budget)}
            resume_synthesis(workspace, state["id"], changes, api_key=st.session_state.get(SECRET) or None)
            st.rerun()
