"""What became of a run that works no more, and the one thing to do next: go on with it, or use what it learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from mactuner_core.catalog.tables import Run
from mactuner_core.format import human_bytes, human_duration
from mactuner_core.jobs import JobStatus
from mactuner_core.training import checkpoints
from mactuner_core.training.compare import stats_of
from mactuner_core.workspace import is_complete
from ui.examples import answer_markdown
from ui.language import language, t
from ui.moments import ago_seconds
from ui.navigation import go, go_button
from ui.page import App
from ui.training_checkpoints import resume_button
from ui.training_figures import Figures
from ui.training_talk import talk_button

STATES = {"cancelled": "gray", "failed": "red", "lost": "orange"}


def ended(app: App, run: Run, job: JobStatus, figures: Figures, last_step: float) -> None:
    """Draw the outcome of a run whose job has ended."""
    with st.container(border=True, key="outcome"):
        if is_complete(Path(run.path)):
            done(app, run)
        else:
            broken_off(app, run, job, figures, last_step)


def broken_off(app: App, run: Run, job: JobStatus, figures: Figures, last_step: float) -> None:
    """Say how far a run came, what of it is kept, and offer to go on; nothing starts by itself."""
    st.markdown(f":{STATES.get(job.state, 'gray')}[:material/pause_circle:] **{t(f'monitor.ended_{job.state}')}**")
    reached = f"{max(figures.last_step, 0):,.0f}"
    st.markdown(t("monitor.reached", step=reached, steps=f"{last_step:,.0f}"))
    whole = checkpoints.all_of(Path(run.path))
    if not whole:
        st.markdown(t("monitor.nothing_kept"))
        again_button(run, primary=True)
        return
    last = whole[-1]
    st.markdown(t("monitor.kept", step=f"{last.step:,}", when=ago_seconds(last.created_at)))
    if lost := int(figures.last_step) - last.step:
        st.caption(t("monitor.done_again", count=f"{lost:,}"))
    with st.container(horizontal=True):
        resume_button(app, run, t("monitor.resume"), key="resume", primary=True)
        again_button(run)


def again_button(run: Run, *, primary: bool = False) -> None:
    """Draw the button that opens the form with this run's settings, to be changed and started anew."""
    kind: Any = "primary" if primary else "secondary"
    if st.button(
        t("monitor.again"), key="again", type=kind, icon=":material/restart_alt:", help=t("monitor.again_help")
    ):
        go("training", like=run.id)


def done(app: App, run: Run) -> None:
    """Say what came of a finished run, and lead on."""
    stats = stats_of(run)
    st.markdown(f":green[:material/check_circle:] **{t('training_page.done')}**")
    before, after = stats.get("train_loss_before"), stats.get("train_loss")
    words = {
        "before": "–" if before is None else f"{before:.3f}",
        "after": "–" if after is None else f"{after:.3f}",
        "duration": human_duration(stats.get("seconds", 0), language()),
        "memory": human_bytes(stats.get("peak_memory_bytes", 0)),
    }
    st.markdown(t("training_page.summary", **words))
    by_heart = app.catalog.model(run.model_id).source == "starter"
    best = next((one for one in checkpoints.all_of(Path(run.path)) if one.best), None)
    kept = stats.get("weights_step")
    if stats.get("stopped_early"):
        st.markdown(t("monitor.stopped_early", step=f"{stats['steps']:,}"))
    if best and not by_heart:
        st.markdown(t("monitor.best_is", step=f"{best.step:,}", loss=f"{best.eval_loss:.4f}"))
        if kept not in (None, best.step):
            st.caption(t("monitor.other_weights", step=f"{kept:,}"))
    if by_heart:
        st.caption(t("training_page.by_heart"))
    if stats.get("rows_left_out"):
        st.caption(t("training_page.left_out", count=len(stats["rows_left_out"])))
    exported = next((e for e in app.catalog.exports() if e.run_id == run.id and is_complete(Path(e.path))), None)
    with st.container(horizontal=True):
        if exported:
            go_button("chat", t("monitor.next_chat"), key="next-chat", export=exported.id)
        go_button("export", t("training_page.next_export"), key="next-export", primary=not exported, run=run.id)
        talk_button(app, run, run.id, key="talk-run")
    if not exported:
        st.caption(t("monitor.chat_after_export"))


def model_card(run: Run) -> None:
    """Draw the model card with a button to keep it, or say that it comes with the result."""
    path = Path(run.path) / "README.md"
    if not path.is_file():
        st.caption(t("monitor.no_card"))
        return
    words = path.read_text(encoding="utf-8")
    st.download_button(
        t("monitor.card_download"), words, f"{run.id}-README.md", "text/markdown", on_click="ignore",
        key="card-download", icon=":material/download:",
    )  # fmt: skip
    with st.container(border=True):
        st.markdown(answer_markdown(_without_front_matter(words)))


def _without_front_matter(words: str) -> str:
    """Return a card without the block of facts for the Hub at its top."""
    if not words.startswith("---\n"):
        return words
    _, _, rest = words[4:].partition("\n---\n")
    return rest or words
