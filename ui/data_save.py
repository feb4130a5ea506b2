"""Step 6, Save: everything in one table, a name, and the one button; then what was saved and where to go on."""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from mactuner_core import jobs
from mactuner_core.data.hiding import Hider, hides_names
from mactuner_core.data.import_job import start_import
from mactuner_core.jobs import JobStatus
from ui.data_draft import discard, plain_name
from ui.data_parts import scope_note
from ui.data_work import Desk
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.job_card import job_card, live
from ui.language import t
from ui.navigation import go_button
from ui.page import main_and_settings


def save_step(desk: Desk) -> None:
    """Draw the step."""
    job = job_of(desk)
    saved = str((job.result or {}).get("id", "")) if job and job.state == "done" else ""
    if saved not in [version.id for version in desk.catalog.dataset_versions()]:
        saved = ""  # not yet, or removed since
    if saved:
        with errors_are_shown():
            saved_note(desk, saved)
    left, right = main_and_settings()
    with left:
        st.subheader(t("data_page.summary"), anchor=False)
        with errors_are_shown(), st.spinner(t("data_page.trying")):
            summary(desk)
    with right:
        st.subheader(t("data_page.settings"), anchor=False)
        with errors_are_shown():
            save_form(desk, main_action=not saved, busy=bool(job and not job.ended))
    if job and job.state != "done":
        live(desk.workspace, [job.id], draw_jobs)


def draw_jobs(found: list[JobStatus]) -> None:
    """Draw the job that saves."""
    for job in found:
        job_card(job, *([t("data_page.rows_done", count=f"{job.done:,.0f}")] if job.done else []))


def job_of(desk: Desk) -> JobStatus | None:
    """Return the job that saves this draft."""
    folder = desk.workspace.jobs / desk.draft.job_id
    return jobs.read(folder) if desk.draft.job_id and folder.is_dir() else None


def saved_note(desk: Desk, version_id: str) -> None:
    """Say what was saved, and lead on."""
    version = desk.catalog.dataset(version_id)
    rows = {"train": f"{version.train_rows:,}", "validation": f"{version.validation_rows:,}"}
    st.success(t("data_page.saved", id=escaped(version.id), **rows), icon=":material/check_circle:")
    if hides_names(desk.recipe):
        st.caption(t("data_page.copy_stays"))
    with st.container(horizontal=True):
        target = "training" if desk.catalog.models() else "models"
        go_button(target, t(f"data_page.next_{target}"), key="data-next")
        if st.button(t("data_page.new_file"), icon=":material/note_add:", key="data-new-file"):
            discard(desk.workspace)
            st.rerun()


def summary(desk: Desk) -> None:
    """Draw all that will be done, stage by stage."""
    found, parts, masked = desk.found(), desk.parts(), desk.masked()
    steps = [t(f"cleaning.step_{step.step}") for step in desk.recipe.clean]
    cleaned = desk.cleaned()
    hidden = sum(masked.masker.counts.values()) if masked else 0
    pair = desk.recipe.kakaotalk
    facts = {
        "source": desk.draft.source_name,
        "read": t("data_page.sum_read", usable=f"{found.usable:,}", rejected=f"{found.rejected_count:,}"),
        "me": pair.me if pair else "",
        "clean": " → ".join(steps) or t("data_page.sum_no_steps"),
        "cleaned": t("data_page.sum_cleaned", count=f"{len(cleaned.left_out):,}") if steps else "",
        "protect": t("data_page.sum_masked", count=f"{hidden:,}") if masked else t("data_page.sum_not_masked"),
        "split": t("data_page.split_rows", train=f"{len(parts.train):,}", validation=f"{len(parts.validation):,}"),
    }
    if rules := desk.recipe.rules:
        count = f"{len(desk.checked()) - len(desk.finished()):,}"
        facts["rules"] = t("data_page.sum_rules", name=rules.name or t("data_page.rules"), count=count)
    fact, value = t("data_page.fact"), t("data_page.value")
    small_table([{fact: t(f"data_page.fact_{name}"), value: words} for name, words in facts.items() if words])
    scope_note(desk)


def proposed_name(desk: Desk) -> str:
    """Return the name to save under: the file's, without the people in it where they are masked."""
    draft, policy, chat = desk.draft, desk.recipe.privacy, desk.reading().chat
    if policy is None or not hides_names(desk.recipe) or draft.name != plain_name(draft.source_name):
        return draft.name
    hidden = Hider(policy, chat.speakers if chat else {}).file_name(Path(draft.source_name).stem)
    return plain_name(re.sub(r"[\W_]*\[\w+\]", "", hidden) + Path(draft.source_name).suffix)


def save_form(desk: Desk, *, main_action: bool, busy: bool) -> None:
    """Draw the name and the main action, which starts the job."""
    name = st.text_input(
        t("data_page.name"),
        proposed_name(desk),
        key=desk.draft.key("name"),
        max_chars=64,
        help=t("data_page.name_help"),
    ).strip()
    desk.change(name=name)
    pressed = st.button(
        t("data_page.save"),
        type="primary" if main_action else "secondary",
        icon=":material/save:",
        disabled=not name or busy,
        width="stretch",
        key="data-save",
    )
    if not pressed:
        return
    job_id = start_import(
        desk.workspace,
        desk.path,
        name,
        desk.recipe,
        source_name=desk.draft.source_name,
        tokenizer_path=desk.tokenizer,
    )
    desk.change(job_id=job_id)
