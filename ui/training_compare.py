"""All runs in one table, several of them in one chart, and in what their settings differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from mactuner_core import jobs
from mactuner_core.catalog.tables import Run
from mactuner_core.config import settings_of
from mactuner_core.format import human_bytes, human_duration
from mactuner_core.training.compare import differences, stats_of
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.removing import exports_of, remove_run
from ui.charts import COLOURS, Line, line_chart
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.language import labels, language, t
from ui.moments import ago
from ui.navigation import go
from ui.page import App
from ui.training_charts import SMOOTHING
from ui.training_checkpoints import loss_text
from ui.training_figures import figures_of

LISTED_RUNS = 20
COMPARED_RUNS = len(COLOURS)
CURVES = ("loss", "eval_loss")


def all_runs(app: App, runs: Sequence[Run], shown: Run | None) -> None:
    """Draw the table of the runs, and below it the chosen ones side by side."""
    st.subheader(t("training_page.history"), anchor=False)
    best = best_runs(runs)
    small_table([row_of(app, run, best=run.id in best) for run in runs[:LISTED_RUNS]])
    if best:
        st.caption(t("monitor.best_run_means"))
    open_or_remove(app, runs)
    if len(runs) > 1:
        compare(runs, shown)


def best_runs(runs: Sequence[Run]) -> set[str]:
    """Return, of every dataset with several measured runs, the run with the lowest validation loss: only there it compares."""
    losses: dict[str, dict[str, float]] = {}
    for run in runs:
        loss = stats_of(run).get("eval_loss")
        if isinstance(loss, int | float):
            losses.setdefault(run.dataset_id, {})[run.id] = float(loss)
    return {min(found, key=found.__getitem__) for found in losses.values() if len(found) > 1}


def row_of(app: App, run: Run, *, best: bool) -> dict[str, object]:
    """Return a run as a row of the table."""
    stats, config = stats_of(run), run.config
    job = jobs.read(app.workspace.jobs / run.job_id)
    speed, seconds, memory = (stats.get(name) for name in ("tokens_per_second", "seconds", "peak_memory_bytes"))
    name = t("monitor.best_step", step=run.id) if best else run.id
    return {
        t("training_page.run"): name,
        t("training_page.state"): f"{t(f'jobs.state_{job.state}')} · {ago(run.created_at)}",
        t("monitor.made_of"): f"{config.get('model', run.model_id)} · {run.dataset_id} · {settings_text(config)}",
        t("ui.loss_train"): loss_text(stats.get("train_loss")),
        t("ui.loss_validation"): loss_text(stats.get("eval_loss")),
        t("training_page.speed"): f"{speed:,.0f}" if speed else "–",
        t("monitor.took"): human_duration(seconds, language()) if seconds else "–",
        t("monitor.peak_memory"): human_bytes(memory) if memory else "–",
    }


def settings_text(config: Mapping[str, Any]) -> str:
    """Return the settings that matter most in one line."""
    batch = config.get("batch_size", 1) * config.get("gradient_accumulation", 1)
    method = t(f"training_page.method_{config['method']}")
    rank = "" if config["method"] == "full" else f" r{config.get('lora_rank')}"
    rate = f"{config.get('learning_rate', 0):g}"
    return t("monitor.settings_line", method=f"{method}{rank}", rate=rate, batch=batch, epochs=config.get("epochs"))


def open_or_remove(app: App, runs: Sequence[Run]) -> None:
    """Draw the choice of one run, and what can be done with it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(t("training_page.run"), [run.id for run in runs], key="run-to-open", width=360)
        if st.button(t("training_page.open"), icon=":material/open_in_full:"):
            go("training", run=chosen)
        with st.popover(t("monitor.remove"), icon=":material/delete:"):
            remove(app, next(run for run in runs if run.id == chosen))


def remove(app: App, run: Run) -> None:
    """Ask before a run is removed, and say what depends on it."""
    if exports := exports_of(app.catalog, run):
        st.markdown(t("monitor.remove_not", run=escaped(run.id), exports=escaped(", ".join(exports))))
        return
    if not jobs.read(app.workspace.jobs / run.job_id).ended:
        st.markdown(t("monitor.remove_works", run=escaped(run.id)))
        return
    st.markdown(t("monitor.remove_question", run=escaped(run.id)))
    if st.button(t("monitor.remove_yes"), key=f"remove-{run.id}"):
        with errors_are_shown():
            remove_run(app.workspace, app.catalog, run.id)
        if st.query_params.get("run") == run.id:
            go("training")
        st.rerun()


def compare(runs: Sequence[Run], shown: Run | None) -> None:
    """Draw the chosen runs: their losses in one chart, and the settings in which they differ."""
    st.subheader(t("monitor.compare"), anchor=False)
    listed = [run.id for run in runs[:LISTED_RUNS]]
    chosen = st.pills(
        t("monitor.compare_which"), listed, selection_mode="multi", key="compared",
        default=[shown.id] if shown and shown.id in listed else [],
    )  # fmt: skip
    found = [run for run in runs if run.id in chosen][:COMPARED_RUNS]
    if len(chosen) > COMPARED_RUNS:
        st.caption(t("monitor.compare_most", count=COMPARED_RUNS))
    if len(found) < 2:
        st.caption(t("monitor.compare_two"))
        return
    overlay(found)
    rows = difference_rows(found)
    st.markdown(f"**{t('monitor.differences')}**")
    if rows:
        small_table(rows)
    else:
        st.caption(t("monitor.no_differences"))


def overlay(runs: Sequence[Run]) -> None:
    """Draw one loss of several runs over each other."""
    names = labels("monitor.curve_", CURVES)
    choice, slider = st.columns([3, 1], vertical_alignment="bottom")
    curve = choice.segmented_control(
        t("monitor.show"), CURVES, format_func=names.__getitem__, default=CURVES[0], required=True,
        key="compared-view", label_visibility="collapsed",
    )  # fmt: skip
    smoothing = slider.slider(
        t("monitor.smoothing"), 0.0, 0.98, SMOOTHING, 0.02, format="%.2f", key="compared-smoothing",
        disabled=curve != "loss", help=t("monitor.smoothing_help"),
    )  # fmt: skip
    lines, last_step = [], 0.0
    for run, colour in zip(runs, COLOURS, strict=False):
        figures = figures_of(Path(run.path))
        points = figures.curve(curve)
        last_step = max(last_step, figures.last_step)
        lines.append(Line(run.id, points.steps, points.values, colour, curve == "loss", dots=curve == "eval_loss"))
    line_chart(
        lines, title=t("ui.axis_loss"), last_step=last_step, key="compared-chart",
        smoothing=smoothing if curve == "loss" else 0.0,
    )  # fmt: skip


def difference_rows(runs: Sequence[Run]) -> list[dict[str, object]]:
    """Return a row for each setting in which the runs differ, a column for each run."""
    words = {setting.name: setting.label[language()] for setting in settings_of(TrainingConfig)}
    rows = []
    for name, values in differences(runs).items():
        row: dict[str, object] = {t("monitor.setting"): words[name]}
        rows.append(row | {run.id: value_text(value) for run, value in zip(runs, values, strict=True)})
    return rows


def value_text(value: object) -> str:
    """Return the value of a setting as it stands in a table."""
    if isinstance(value, bool):
        return t("monitor.on") if value else t("monitor.off")
    if value is None or value == "":
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
