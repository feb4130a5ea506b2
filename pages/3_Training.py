"""Training: choose model and dataset, take or change the suggested settings, start, watch, go on."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mactuner_core import jobs
from mactuner_core.catalog.tables import Run
from mactuner_core.errors import NotFoundError
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.start import start_training
from ui.errors import errors_are_shown, show_error
from ui.language import t
from ui.navigation import go
from ui.page import App, empty_state, header, main_and_settings, show
from ui.training_checkpoints import training_works
from ui.training_compare import all_runs
from ui.training_form import ask_settings
from ui.training_monitor import monitor
from ui.training_plan import draw_plan

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
            planned = ask_settings(app, models, datasets)
            start_button(app, planned.config if planned else None)
        with left:
            draw_plan(planned)
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


def start_button(app: App, config: TrainingConfig | None) -> None:
    """Draw the start."""
    busy = training_works(app)
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


show("training", main)
