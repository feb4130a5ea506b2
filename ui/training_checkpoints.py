"""The checkpoints of a run: which there are, and what can be done with one of them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from mactuner_core import jobs
from mactuner_core.catalog.tables import Run
from mactuner_core.format import human_bytes
from mactuner_core.jobs import JobStatus
from mactuner_core.training import checkpoints
from mactuner_core.training.checkpoints import Checkpoint
from mactuner_core.training.resume import resume_training
from mactuner_core.workspace import is_complete
from ui.errors import errors_are_shown
from ui.examples import small_table
from ui.language import t
from ui.moments import ago_seconds
from ui.navigation import go
from ui.page import App
from ui.training_talk import talk_button

TABLE_HEIGHT = 260
FITS = 5  # rows of the table before it scrolls


def checkpoint_part(app: App, run: Run, job: JobStatus) -> None:
    """Draw the table of the whole checkpoints, and the actions on a chosen one."""
    found = checkpoints.all_of(Path(run.path))
    if not found:
        st.caption(t("monitor.no_checkpoints_yet") if not job.ended else t("monitor.no_checkpoints"))
        return
    small_table([row_of(one) for one in reversed(found)], height=TABLE_HEIGHT if len(found) > FITS else None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        known = {one.step: one for one in reversed(found)}
        step = st.selectbox(
            t("monitor.checkpoint"),
            list(known),
            format_func=lambda step: name_of(known[step]) if step in known else str(step),
            key=f"checkpoint-{run.id}",
            width=280,
        )
        actions(app, run, job, known[step])


def row_of(checkpoint: Checkpoint) -> dict[str, object]:
    """Return a checkpoint as a row of the table."""
    return {
        t("ui.axis_step"): name_of(checkpoint),
        t("monitor.epoch"): f"{checkpoint.epoch:.2f}",
        t("ui.loss_train"): loss_text(checkpoint.train_loss),
        t("ui.loss_validation"): loss_text(checkpoint.eval_loss),
        t("monitor.size"): human_bytes(checkpoint.bytes),
        t("monitor.made"): ago_seconds(checkpoint.created_at),
    }


def name_of(checkpoint: Checkpoint) -> str:
    """Return what a checkpoint is called: its step, and whether it is the best."""
    step = f"{checkpoint.step:,}"
    return t("monitor.best_step", step=step) if checkpoint.best else step


def loss_text(loss: float | None) -> str:
    """Return a loss as it stands in a table."""
    return "–" if loss is None else f"{loss:.4f}"


def actions(app: App, run: Run, job: JobStatus, checkpoint: Checkpoint) -> None:
    """Draw what can be done with a checkpoint."""
    ref = f"{run.id}@{checkpoint.step}"
    finished = is_complete(Path(run.path))
    if job.ended and not finished:
        resume_button(app, run, t("monitor.resume_from"), key="resume-from", step=checkpoint.step)
    talk_button(app, run, ref, key="talk-checkpoint")
    if st.button(t("monitor.new_from"), icon=":material/call_split:", key="new-from", help=t("monitor.new_from_help")):
        go("training", model=ref, like=run.id)
    if st.button(
        t("monitor.export_it"), icon=":material/ios_share:", key="export-checkpoint", help=t("monitor.export_help")
    ):
        go("export", run=ref)
    with st.popover(t("monitor.delete"), icon=":material/delete:", disabled=not job.ended):
        last = len(checkpoints.all_of(Path(run.path))) == 1 and not finished
        st.markdown(t("monitor.delete_last") if last else t("monitor.delete_question", step=f"{checkpoint.step:,}"))
        if st.button(t("monitor.delete_yes", size=human_bytes(checkpoint.bytes)), key="delete-checkpoint"):
            with errors_are_shown():
                checkpoints.delete(Path(run.path), checkpoint.step)
            st.rerun()


def resume_button(app: App, run: Run, label: str, *, key: str, step: int | None = None, primary: bool = False) -> None:
    """Draw the button that goes on with a run from a checkpoint; what forbids it is said below."""
    busy = training_works(app)
    clicked = st.button(
        label, key=key, type="primary" if primary else "secondary", icon=":material/play_arrow:",
        disabled=busy, help=t("training_page.busy") if busy else None,
    )  # fmt: skip
    resumed = None
    if clicked:
        with errors_are_shown():
            resumed = resume_training(app.workspace, app.catalog, run.id, step)
    if resumed:
        st.rerun()


def training_works(app: App) -> bool:
    """Tell whether a training is at work: two at once would slow each other down."""
    return any(job.kind == "train" and not job.ended for job in jobs.list_jobs(app.workspace.jobs))
