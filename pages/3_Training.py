"""Training: choose model and dataset, take or change the suggested settings, start, watch, go on."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mactuner_core import jobs
from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.errors import NotFoundError
from mactuner_core.format import human_bytes, human_count
from mactuner_core.hardware import detect
from mactuner_core.models.catalogued import model_info
from mactuner_core.training.config import Method, TrainingConfig
from mactuner_core.training.recommend import recommend
from mactuner_core.training.start import start_training
from ui.charts import loss_chart
from ui.errors import errors_are_shown, escaped, show_error
from ui.forms import settings_form
from ui.language import t
from ui.navigation import go
from ui.page import App, empty_state, header, main_and_settings, show
from ui.training_compare import all_runs
from ui.training_monitor import monitor

METHODS: tuple[Method, ...] = ("full", "lora")
CHOSEN_APART = ("model", "dataset", "method")
LORA_ONLY = ("lora_rank", "lora_alpha", "lora_dropout")
FOR_A_NEW_RUN = ("new", "like", "model")  # in the address: open the form, with the settings of a run, for a model


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
    if run:
        monitor(app, run)
    else:
        left, right = main_and_settings()
        with right:
            config = settings(app, models, datasets)
            start_button(app, config)
        with left:
            plan(app, config)
    if runs:
        st.divider()
        all_runs(app, runs, run)


def shown_run(app: App, runs: Sequence[Run]) -> Run | None:
    """Return the run to show: the one in the address, else one that is running unless a new one is wanted, else none."""
    if ref := st.query_params.get("run"):
        try:
            return app.catalog.run(ref)
        except NotFoundError as problem:
            show_error(problem)
    if any(name in st.query_params for name in FOR_A_NEW_RUN):
        return None
    running = next((run for run in runs if not jobs.read(app.workspace.jobs / run.job_id).ended), None)
    if running:
        st.query_params["run"] = running.id  # stays on the page when it ends, and after a reload
    return running


def settings(app: App, models: Sequence[Model], datasets: Sequence[DatasetVersion]) -> TrainingConfig | None:
    """Draw the choices and the form, filled with what suits them; None while something is wrong.

    A starter model goes with the dataset it was made from.
    """
    st.subheader(t("training_page.settings"), anchor=False)
    ids = [model.id for model in models]
    wanted = st.query_params.get("model")
    model_id = st.selectbox(
        t("training_page.model"), ids, index=ids.index(wanted) if wanted in ids else 0, key="train-model"
    )
    model, versions = app.catalog.model(model_id), [version.id for version in datasets]
    own = model.dataset_id
    dataset_id = st.selectbox(
        t("training_page.dataset"),
        versions,
        index=versions.index(own) if own in versions else 0,
        key=f"train-dataset-{model.id}",
    )
    dataset = app.catalog.dataset(dataset_id)
    names = {method: t(f"training_page.method_{method}") for method in METHODS}
    method: Method = st.segmented_control(
        t("training_page.method"), METHODS, format_func=names.__getitem__, default=recommend(model, dataset).config.method,
        required=True, key=f"train-method-{model.id}", width="stretch", help=t("training_page.method_help"),
    )  # fmt: skip
    suggested = recommend(model, dataset, method=method).config
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


def start_button(app: App, config: TrainingConfig | None) -> None:
    """Draw the start."""
    busy = any(job.kind == "train" and not job.ended for job in jobs.list_jobs(app.workspace.jobs))
    clicked = st.button(
        t("training_page.start"), type="primary", icon=":material/play_arrow:", width="stretch",
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


show("training", main)
