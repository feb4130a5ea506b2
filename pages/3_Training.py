"""Training: choose model and dataset, take or change the suggested settings, start, watch, go on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from mactuner_core import jobs
from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.errors import NotFoundError
from mactuner_core.format import human_bytes, human_count, human_duration
from mactuner_core.hardware import detect
from mactuner_core.jobs import JobStatus
from mactuner_core.models.catalogued import model_info
from mactuner_core.training.config import Method, TrainingConfig
from mactuner_core.training.defaults import suggest
from mactuner_core.training.start import start_training
from mactuner_core.workspace import is_complete
from ui.charts import loss_chart, loss_points
from ui.errors import errors_are_shown, escaped, show_error
from ui.examples import small_table
from ui.forms import settings_form
from ui.job_card import job_card, live
from ui.language import language, t
from ui.moments import ago
from ui.navigation import go, go_button
from ui.page import App, empty_state, header, main_and_settings, show

METHODS: tuple[Method, ...] = ("full", "lora")
CHOSEN_APART = ("model", "dataset", "method")
LORA_ONLY = ("lora_rank", "lora_alpha", "lora_dropout")
LISTED_RUNS = 20


def main(app: App) -> None:
    """Draw the page."""
    models, datasets, runs = app.catalog.models(), app.catalog.dataset_versions(), app.catalog.runs()
    run = shown_run(app, runs)
    header(
        "training", t("training_page.sentence"), t("training_page.chip", count=len(runs)), "blue" if runs else "gray"
    )
    if not datasets:
        empty_state(":material/model_training:", t("training_page.no_data"), t("training_page.to_data"), "data")
        return
    if not models:
        empty_state(":material/model_training:", t("training_page.no_model"), t("training_page.to_models"), "models")
        return
    left, right = main_and_settings()
    with right:
        config = settings(app, models, datasets, run)
        start_button(app, config, main_action=not (run and is_complete(Path(run.path))))
    with left:
        if run:
            monitor(app, run)
        else:
            plan(app, config)
    if runs:
        st.divider()
        history(app, runs)


def shown_run(app: App, runs: Sequence[Run]) -> Run | None:
    """Return the run to show: the one in the address, else one that is running, else none."""
    if ref := st.query_params.get("run"):
        try:
            return app.catalog.run(ref)
        except NotFoundError as problem:
            show_error(problem)
    running = next((run for run in runs if not jobs.read(app.workspace.jobs / run.job_id).ended), None)
    if running:
        st.query_params["run"] = running.id  # stays on the page when it ends, and after a reload
    return running


def settings(
    app: App, models: Sequence[Model], datasets: Sequence[DatasetVersion], run: Run | None
) -> TrainingConfig | None:
    """Draw the choices and the form, filled with what suits them; None while something is wrong.

    Model and dataset are those of the shown run; a starter model goes with the dataset it was made from.
    """
    st.subheader(t("training_page.settings"), anchor=False)
    ids = [model.id for model in models]
    wanted = run.model_id if run else st.query_params.get("model")
    model_id = st.selectbox(
        t("training_page.model"), ids, index=ids.index(wanted) if wanted in ids else 0, key="train-model"
    )
    model, versions = app.catalog.model(model_id), [version.id for version in datasets]
    own = run.dataset_id if run and run.model_id == model.id else model.dataset_id
    dataset_id = st.selectbox(
        t("training_page.dataset"),
        versions,
        index=versions.index(own) if own in versions else 0,
        key=f"train-dataset-{model.id}",
    )
    dataset = app.catalog.dataset(dataset_id)
    names = {method: t(f"training_page.method_{method}") for method in METHODS}
    method: Method = st.segmented_control(
        t("training_page.method"), METHODS, format_func=names.__getitem__, default=suggest(model, dataset).method,
        required=True, key=f"train-method-{model.id}", width="stretch", help=t("training_page.method_help"),
    )  # fmt: skip
    suggested = suggest(model, dataset, method)
    form = settings_form(
        TrainingConfig,
        f"train-{model.id}-{dataset.id}-{method}",
        values=suggested.model_dump(),
        leave_out=CHOSEN_APART if method == "lora" else (*CHOSEN_APART, *LORA_ONLY),
    )
    # What was left as suggested is not "set": some checks are about what a person set.
    changed = {name: value for name, value in form.values.items() if value != getattr(suggested, name)}
    form.values.clear()
    form.values.update(suggested.model_dump(exclude_unset=True) | changed)
    return form.check(TrainingConfig, model=model.id, dataset=dataset.id, method=method)


def start_button(app: App, config: TrainingConfig | None, *, main_action: bool) -> None:
    """Draw the start; beside a finished run the main action is to go on with that one."""
    busy = any(job.kind == "train" and not job.ended for job in jobs.list_jobs(app.workspace.jobs))
    clicked = st.button(
        t("training_page.start"), type="primary" if main_action else "secondary", icon=":material/play_arrow:", width="stretch",
        disabled=config is None or busy, help=t("training_page.busy") if busy else None,
    )  # fmt: skip
    run = None
    if clicked and config:
        with errors_are_shown():
            run = start_training(app.workspace, app.catalog, config)
    if run:
        go("training", run=run.id)


def plan(app: App, config: TrainingConfig | None) -> None:
    """Draw what will happen: what is trained on what, why so, and what it needs."""
    if config is None:
        st.info(t("training_page.mend_settings"), icon=":material/edit:")
        return
    model, dataset = app.catalog.model(config.model), app.catalog.dataset(config.dataset)
    need = model_info(model)["fits"][config.method]
    steps = planned_steps(config, dataset)
    with st.container(border=True):
        st.subheader(t("training_page.plan"), anchor=False)
        figures = st.columns(3)
        figures[0].metric(t("training_page.model"), human_count(model.parameters), help=escaped(model.id))
        figures[1].metric(t("training_page.examples"), f"{dataset.train_rows:,}", help=escaped(dataset.id))
        figures[2].metric(t("training_page.steps"), f"{steps:,}")
        reason = "starter" if model.source == "starter" and config.method == "full" else config.method
        st.markdown(f":material/lightbulb: {t(f'training_page.why_{reason}')}")
        memory = {"need": human_bytes(need["memory_bytes"]), "total": human_bytes(detect().memory_bytes)}
        if need["fits"]:
            st.markdown(f":green[:material/check_circle:] {t('training_page.fits', **memory)}")
        else:
            st.markdown(f":orange[:material/warning:] {t('training_page.does_not_fit', **memory)}")
        if not dataset.validation_rows:
            st.markdown(f":orange[:material/info:] {t('training_page.no_validation')}")
    loss_chart([], steps)


def planned_steps(config: TrainingConfig, dataset: DatasetVersion) -> int:
    """Return how many steps a run will take."""
    batches = -(-dataset.train_rows // config.batch_size)
    return max(1, -(-batches // config.gradient_accumulation)) * config.epochs


def monitor(app: App, run: Run) -> None:
    """Draw a run: live while it works, its outcome and the next steps after."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"{escaped(run.model_id)} · {escaped(run.dataset_id)} · {t(f'training_page.method_{run.method}')}")
        if st.button(t("training_page.new"), icon=":material/add:", type="tertiary"):
            go("training")
    steps = planned_steps(TrainingConfig.check(run.config), app.catalog.dataset(run.dataset_id, removed=True))
    live(app.workspace, [run.job_id], lambda found: draw_run(found[0], steps))
    job = jobs.read(app.workspace.jobs / run.job_id)
    if job.state == "done":
        outcome(app, run, job)


def draw_run(job: JobStatus, steps: int) -> None:
    """Draw card, four figures and the loss of one run."""
    events = jobs.events(job.folder)
    metrics = [event for event in events if event.get("kind") == "metrics"]
    speed = last(metrics, "tokens_per_second")
    job_card(job, t("ui.tokens_per_second", speed=f"{speed:,.0f}") if speed else "")
    loss, validation, rate = last(metrics, "loss"), last(metrics, "eval_loss"), last(metrics, "learning_rate")
    first = next((event["loss"] for event in metrics if "loss" in event), None)
    change = f"{loss - first:+.3f}" if loss is not None and first is not None and loss != first else None
    figures = st.columns(4)
    figures[0].metric(t("ui.loss_train"), _number(loss, ".4f"), change, delta_color="inverse", border=True, height=118)
    figures[1].metric(t("ui.loss_validation"), _number(validation, ".4f"), border=True, height=118)
    figures[2].metric(t("training_page.speed"), _number(speed, ",.0f"), border=True, height=118)
    figures[3].metric(t("training_page.rate"), _number(rate, ".2e"), border=True, height=118)
    loss_chart(loss_points(events), steps)


def last(metrics: list[dict[str, Any]], name: str) -> float | None:
    """Return the newest value of a metric."""
    return next((float(event[name]) for event in reversed(metrics) if name in event), None)


def outcome(app: App, run: Run, job: JobStatus) -> None:
    """Draw what came of a finished run, and the next steps."""
    stats = job.result
    with st.container(border=True):
        st.markdown(f":green[:material/check_circle:] **{t('training_page.done')}**")
        words = {
            "before": f"{stats['train_loss_before']:.3f}",
            "after": f"{stats['train_loss']:.3f}",
            "duration": human_duration(stats["seconds"], language()),
            "memory": human_bytes(stats["peak_memory_bytes"]),
        }
        st.markdown(t("training_page.summary", **words))
        if app.catalog.model(run.model_id).source == "starter":
            st.caption(t("training_page.by_heart"))
        if stats["rows_left_out"]:
            st.caption(t("training_page.left_out", count=len(stats["rows_left_out"])))
        with st.container(horizontal=True):
            go_button("export", t("training_page.next_export"), key="next-export", run=run.id)


def history(app: App, runs: Sequence[Run]) -> None:
    """Draw the runs so far, and a way to open one."""
    st.subheader(t("training_page.history"), anchor=False)
    rows = []
    for run in runs[:LISTED_RUNS]:
        job = jobs.read(app.workspace.jobs / run.job_id)
        rows.append(
            {
                t("training_page.run"): run.id,
                t("training_page.state"): t(f"jobs.state_{job.state}"),
                t("training_page.model"): run.model_id,
                t("training_page.dataset"): run.dataset_id,
                t("training_page.loss"): _number(job.result.get("train_loss"), ".4f"),
                t("training_page.when"): ago(run.created_at),
            }
        )
    small_table(rows)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(t("training_page.run"), [run.id for run in runs], key="run-to-open", width=360)
        if st.button(t("training_page.open"), icon=":material/open_in_full:"):
            go("training", run=chosen)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


show("training", main)
