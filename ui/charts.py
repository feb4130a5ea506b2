"""The charts. They keep their size and their axes while they fill, and take their colours from the theme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from ui.language import t

HEIGHT = 340
EMPTY_LOSS = [0, 8]  # the axis before there is a point
MOST_POINTS = 1500
TRAIN_COLOUR, VALIDATION_COLOUR = "#3B82F6", "#8B5CF6"


def loss_points(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one point a logged step: step, loss, and whether it is the training or the validation loss."""
    points = []
    for event in events:
        if event.get("kind") != "metrics":
            continue
        for name, series in (("loss", "train"), ("eval_loss", "validation")):
            if isinstance(event.get(name), int | float):
                points.append({"step": event.get("step", 0), "loss": event[name], "series": series})
    return points


def loss_chart(points: list[dict[str, Any]], total_steps: float) -> None:
    """Draw training and validation loss over the steps; empty axes while there are no points yet."""
    import altair as alt
    import pandas as pd

    names = {"train": t("ui.loss_train"), "validation": t("ui.loss_validation")}
    thin = max(1, len(points) // MOST_POINTS)
    kept = [point for number, point in enumerate(points) if number % thin == 0 or point["series"] == "validation"]
    data = pd.DataFrame(
        {
            "step": [float(point["step"]) for point in kept],
            "loss": [float(point["loss"]) for point in kept],
            "series": [names[point["series"]] for point in kept],
        }
    )
    last = max([total_steps, *data["step"]]) if kept else max(total_steps, 1)
    colours = alt.Scale(domain=list(names.values()), range=[TRAIN_COLOUR, VALIDATION_COLOUR])
    loss_scale = alt.Scale(zero=True) if kept else alt.Scale(domain=EMPTY_LOSS)
    base = alt.Chart(data).encode(
        x=alt.X(
            "step:Q",
            title=t("ui.axis_step"),
            scale=alt.Scale(domain=[0, last], nice=False),
            axis=alt.Axis(grid=False, tickCount=6, format=",d"),
        ),
        y=alt.Y("loss:Q", title=t("ui.axis_loss"), scale=loss_scale, axis=alt.Axis(tickCount=5)),
        color=alt.Color("series:N", title=None, scale=colours, legend=alt.Legend(orient="top")),
        tooltip=[
            alt.Tooltip("series:N", title=t("ui.axis_series")),
            alt.Tooltip("step:Q", title=t("ui.axis_step"), format=",.0f"),
            alt.Tooltip("loss:Q", title=t("ui.axis_loss"), format=".4f"),
        ],
    )
    is_validation = alt.datum.series == names["validation"]
    line = base.mark_line(strokeWidth=2, interpolate="monotone")
    dots = base.mark_point(filled=True, size=50).transform_filter(is_validation)
    st.altair_chart((line + dots).properties(height=HEIGHT), width="stretch", height=HEIGHT)
