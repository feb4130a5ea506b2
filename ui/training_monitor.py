"""A run on the page: live while it works, its outcome after. All it shows is on the disk, so a reload loses nothing."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from mactuner_core.catalog.tables import Run
from mactuner_core.config import Setting, settings_of
from mactuner_core.format import human_bytes
from mactuner_core.hardware import detect
from mactuner_core.jobs import JobStatus
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.steps import planned_steps
from ui.errors import escaped
from ui.forms import label_of
from ui.job_card import job_card, live
from ui.language import t
from ui.navigation import go
from ui.page import App, main_and_settings
from ui.training_charts import four_figures, in_steps, run_chart
from ui.training_checkpoints import checkpoint_part
from ui.training_compare import value_text
from ui.training_ended import ended, model_card
from ui.training_figures import Figures, figures_of
from ui.training_samples import samples
from ui.training_talk import talk_part

# Streamlit fades what it is about to draw again; every second, on a busy machine, that is a flicker.
STEADY = '<style>.st-key-monitor [data-stale="true"] {opacity: 1 !important; transition: none !important}</style>'
NAMED_ABOVE = ("model", "dataset")


def monitor(app: App, run: Run) -> None:
    """Draw a run: live while it works, its outcome and the next steps after."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"{escaped(str(run.config.get('model', run.model_id)))} · {escaped(run.dataset_id)}")
        if st.button(t("training_page.new"), icon=":material/add:", type="tertiary"):
            go("training", new="1")
    config = TrainingConfig.model_construct(**run.config)  # as it was started, whatever is allowed today
    steps = planned_steps(config, app.catalog.dataset(run.dataset_id, removed=True).train_rows)
    st.html(STEADY)
    with st.container(key="monitor"):
        live(app.workspace, [run.job_id], lambda found: draw_run(app, run, config, found[0], steps))
    talk_part(app, run)


def draw_run(app: App, run: Run, config: TrainingConfig, job: JobStatus, planned: int) -> None:
    """Draw everything about one run as it stands now."""
    figures = figures_of(Path(run.path))
    last_step = job.total if in_steps(job) and job.total else planned
    left, right = main_and_settings()
    with left:
        four_figures(figures, job)
        run_chart(figures, last_step)
        samples(figures.samples, wanted=bool(config.prompts))
    with right:
        speed = figures.last("tokens_per_second")
        job_card(job, t("ui.tokens_per_second", speed=f"{speed:,.0f}") if speed else "")
        if job.ended:
            ended(app, run, job, figures, last_step)
        else:
            machine_now(figures)
        settings(config)
    checkpoints_tab, card_tab = st.tabs([t("monitor.checkpoints"), t("monitor.card")], key="run-tabs")
    with checkpoints_tab:
        checkpoint_part(app, run, job)
    with card_tab:
        model_card(run)


def machine_now(figures: Figures) -> None:
    """Draw how much memory and processor the run takes now."""
    machine = detect()
    with st.container(border=True, key="machine-now"):
        st.markdown(f"**{t('monitor.machine_now')}**")
        memory, processor = figures.last("memory_bytes"), figures.last("cpu_percent")
        if memory is None and processor is None:
            st.caption(t("monitor.machine_soon"))
            return
        total = machine.system_memory_bytes
        bar(memory or 0, total, t("monitor.memory_now", used=human_bytes(memory or 0), total=human_bytes(total)))
        bar(processor or 0, 100, t("monitor.processor_now", percent=f"{processor or 0:,.0f}"))
        if card := figures.last("gpu_memory_bytes"):
            words = t("monitor.gpu_now", used=human_bytes(card), total=human_bytes(machine.memory_bytes))
            bar(card, machine.memory_bytes, words)


def bar(value: float, whole: float, words: str) -> None:
    """Draw a share as a bar with its words."""
    st.progress(min(1.0, max(0.0, value / whole)), text=words)


def settings(config: TrainingConfig) -> None:
    """Draw the settings of the run, folded."""
    with st.expander(t("monitor.settings"), icon=":material/tune:"):
        lines = [
            f"{label_of(setting)}: **{escaped(value_text(getattr(config, setting.name)))}**"
            for setting in settings_of(TrainingConfig)
            if matters(config, setting)
        ]
        st.markdown("  \n".join(lines))
        st.download_button(
            t("monitor.settings_download"), config.to_yaml, "run.yaml", "application/yaml", on_click="ignore",
            key="settings-download", icon=":material/download:",
        )  # fmt: skip


def matters(config: TrainingConfig, setting: Setting) -> bool:
    """Tell whether a setting is worth a line: a basic one, or another that is not as usual."""
    if setting.name in NAMED_ABOVE or (config.method == "full" and setting.name.startswith("lora_")):
        return False
    return not setting.advanced or getattr(config, setting.name) != setting.default
