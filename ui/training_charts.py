"""What a run measures: four figures, and one large chart with a choice of what it shows and how smooth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mactuner_core.format import human_duration
from mactuner_core.jobs import JobStatus
from ui.charts import COLOURS, Line, Mark, line_chart
from ui.language import labels, language, t
from ui.training_figures import Figures

METRIC_HEIGHT = 118
SMOOTHING = 0.6
GIGABYTE = 1e9


@dataclass(frozen=True)
class View:
    """One choice of the chart: the curves it shows, the second one as dots, and how values are written."""

    curves: tuple[str, ...]
    number: str = ".4f"
    smooth: bool = True
    highest: float | None = None
    unit: float = 1.0


VIEWS = {
    "loss": View(("loss", "eval_loss")),
    "accuracy": View(("token_accuracy", "eval_token_accuracy"), ".1%", highest=1.0),
    "preferred": View(("preferred_share", "eval_preferred_share"), ".1%", highest=1.0),
    "rate": View(("learning_rate",), ".2e", smooth=False),
    "gradient": View(("grad_norm",), ".3f"),
    "speed": View(("tokens_per_second",), ",.0f"),
    "memory": View(("memory_bytes", "gpu_memory_bytes"), ".2f", smooth=False, unit=GIGABYTE),
    "processor": View(("cpu_percent",), ",.0f", smooth=False),
}


def four_figures(figures: Figures, job: JobStatus) -> None:
    """Draw loss, validation loss, speed, and the time left or, once nothing is left, the learning rate."""
    loss, validation = figures.last("loss"), figures.last("eval_loss")
    values = figures.curve("loss").values
    change = f"{values[-1] - values[0]:+.3f}" if len(values) > 1 else None
    best, seconds = figures.lowest("eval_loss"), figures.last("seconds_per_step")
    columns = st.columns(4)
    columns[0].metric(
        t("ui.loss_train"), _number(loss, ".4f"), change, delta_color="inverse", border=True, height=METRIC_HEIGHT
    )
    _figure(
        columns[1],
        t("ui.loss_validation"),
        _number(validation, ".4f"),
        t("monitor.lowest", loss=f"{best[1]:.3f}") if best else "",
    )
    _figure(
        columns[2],
        t("training_page.speed"),
        _number(figures.last("tokens_per_second"), ",.0f"),
        t("monitor.a_step", duration=human_duration(seconds, language())) if seconds else "",
    )
    if job.ended:
        _figure(columns[3], t("training_page.rate"), _number(figures.last("learning_rate"), ".2e"))
    else:
        left = human_duration(job.eta_s, language()) if job.eta_s is not None and in_steps(job) else "–"
        rate = figures.last("learning_rate")
        _figure(columns[3], t("monitor.left"), left, t("monitor.rate_now", rate=f"{rate:.1e}") if rate else "")


def _figure(column: DeltaGenerator, label: str, value: str, note: str = "") -> None:
    column.metric(label, value, note or None, delta_color="off", delta_arrow="off", border=True, height=METRIC_HEIGHT)


def in_steps(job: JobStatus) -> bool:
    """Tell whether a job counts training steps now, and not the rows it prepares."""
    return job.stage == "training.stage_steps"


def run_chart(figures: Figures, last_step: float) -> None:
    """Draw the chart with its choice and its smoothing; what happened on the way is marked and said below."""
    offered = views_of(figures)
    names = labels("monitor.view_", offered)
    choice, slider = st.columns([4, 1], vertical_alignment="bottom")
    chosen = choice.segmented_control(
        t("monitor.show"), offered, format_func=names.__getitem__, default="loss", required=True,
        key="chart-view", label_visibility="collapsed",
    )  # fmt: skip
    view = VIEWS[chosen]
    smoothing = slider.slider(
        t("monitor.smoothing"), 0.0, 0.98, SMOOTHING, 0.02, format="%.2f", key="chart-smoothing",
        disabled=not view.smooth, help=t("monitor.smoothing_help"),
    )  # fmt: skip
    marks = [Mark(event["step"], happening(event)) for event in figures.happened]
    line_chart(
        lines_of(figures, view),
        title=t(f"monitor.axis_{chosen}"),
        last_step=max(last_step, figures.last_step),
        key="run-chart",
        smoothing=smoothing,
        marks=marks,
        number=view.number,
        highest=view.highest,
    )
    for mark in marks:
        st.caption(f":orange[:material/flag:] {mark.words}")


def views_of(figures: Figures) -> list[str]:
    """Return what the chart can show of a run; the share of preferred answers only a run on pairs (DPO) reports."""
    return [name for name in VIEWS if name != "preferred" or figures.curve("preferred_share").values]


def lines_of(figures: Figures, view: View) -> list[Line]:
    """Return the lines of a view; a figure that only some machines have is left out where it was never reported."""
    lines = []
    for place, name in enumerate(view.curves):
        curve = figures.curve(name)
        if place and not curve.values:
            continue
        values = [value / view.unit for value in curve.values] if view.unit != 1 else curve.values
        checked = name.startswith("eval_")
        smooth = view.smooth and not checked
        lines.append(Line(t(f"monitor.curve_{name}"), curve.steps, values, COLOURS[place], smooth=smooth, dots=checked))
    return lines


def happening(event: Mapping[str, Any]) -> str:
    """Return what happened to a run at a step, in words."""
    if event["kind"] == "resumed":
        return t("monitor.resumed", step=event["step"])
    return t(
        "monitor.fit",
        step=event["step"],
        batch=event.get("batch_size", "?"),
        accumulation=event.get("gradient_accumulation", "?"),
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
