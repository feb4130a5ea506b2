"""The charts of figures over steps. They keep size and axes while they fill, and take their colours from the theme.

Drawn as plain Vega-Lite with the data beside it: only then does the browser change the lines in place, without a flicker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.language import t

HEIGHT = 340
MOST_POINTS = 1500  # of one line
EMPTY_TOP = 8  # where the axis ends before there is a point
FAINT = 0.35
MARK_COLOUR = "#F59E0B"
COLOURS = ("#3B82F6", "#8B5CF6", "#10B981", "#F59E0B", "#EF4444", "#06B6D4")


@dataclass(frozen=True)
class Line:
    """One line: `steps` and `values` of equal length; `smooth` ones are smoothed with the raw line faint behind, `dots` mark points."""

    name: str
    steps: Sequence[float]
    values: Sequence[float]
    colour: str = COLOURS[0]
    smooth: bool = True
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """Something that happened at a step: an upright line that says what."""

    step: float
    words: str


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    last_step: float,
    key: str,
    smoothing: float = 0.0,
    marks: Sequence[Mark] = (),
    number: str = ".4f",
    highest: float | None = None,
) -> None:
    """Draw lines over the steps 0 to `last_step`; empty axes while there are no points yet.

    `smoothing` from 0 to under 1, `number` is the form of values in tooltips, `highest` a fixed end of the upright axis.
    """
    import pandas as pd

    rows = chart_rows(lines, smoothing, marks)
    empty = not any(line.values for line in lines)
    top = EMPTY_TOP if empty and highest is None else highest
    data = pd.DataFrame(rows, columns=["step", "value", "smooth", "series", "kind", "words"])
    spec = _spec(lines, title, max([last_step, 1, *data["step"]]), number, top)
    st.vega_lite_chart(data, spec, width="stretch", height=HEIGHT, key=key)


def chart_rows(lines: Sequence[Line], smoothing: float, marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """Return the rows behind a chart, at most MOST_POINTS a line; smoothing looks at every point before any is left out."""
    rows: list[dict[str, Any]] = []
    for line in lines:
        smooth = smoothed(line.values, smoothing if line.smooth else 0.0)
        for place in thinned(len(line.values), MOST_POINTS):
            row = {"step": line.steps[place], "value": line.values[place], "smooth": smooth[place]}
            kind = "dots" if line.dots else "smooth" if line.smooth and smoothing else "line"
            rows.append({**row, "series": line.name, "kind": kind, "words": ""})
    rows += [{"step": mark.step, "series": "", "kind": "mark", "words": mark.words} for mark in marks]
    return rows


def smoothed(values: Sequence[float], weight: float) -> Sequence[float]:
    """Return the exponential moving average: each value counts `weight` times the one after it; 0 changes nothing.

    The weights of what has been seen add up to one, so that the line does not start at zero.
    """
    import pandas as pd

    return values if not weight else list(pd.Series(values, dtype=float).ewm(alpha=1 - weight).mean())


def thinned(count: int, most: int) -> list[int]:
    """Return the places of at most `most` of `count` points, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def _spec(lines: Sequence[Line], title: str, last_step: float, number: str, top: float | None) -> dict[str, Any]:
    """Return the Vega-Lite spec; it must not hold data, else every point would draw the chart anew."""
    scale = {"zero": True} if top is None else {"domain": [0, top]}
    step = {
        "field": "step",
        "type": "quantitative",
        "title": t("ui.axis_step"),
        "scale": {"domain": [0, last_step], "nice": False},
        "axis": {"grid": False, "tickCount": 6, "format": ",d"},
    }
    upright = {"type": "quantitative", "title": title, "scale": scale, "axis": {"tickCount": 5, "labelLimit": 60}}
    colour = {
        "field": "series",
        "type": "nominal",
        "title": None,
        "scale": {"domain": [line.name for line in lines], "range": [line.colour for line in lines]},
        "legend": {"orient": "top", "labelLimit": 400, "symbolOpacity": 1} if len(lines) > 1 else None,
    }
    tips = [
        {"field": "series", "type": "nominal", "title": t("ui.axis_series")},
        {"field": "step", "type": "quantitative", "title": t("ui.axis_step"), "format": ",.0f"},
        {"field": "value", "type": "quantitative", "title": title, "format": number},
    ]

    def layer(mark: Mapping[str, Any], kinds: Sequence[str], value: str, **more: Any) -> Mapping[str, Any]:
        return {
            "transform": [{"filter": {"field": "kind", "oneOf": kinds}}],
            "mark": mark,
            "encoding": {"x": step, "y": {**upright, "field": value}, "color": colour, **more},
        }

    line = {"type": "line", "interpolate": "monotone"}
    return {
        "layer": [
            layer({**line, "strokeWidth": 1, "opacity": FAINT}, ["smooth"], "value"),
            layer({**line, "strokeWidth": 2}, ["smooth", "line", "dots"], "smooth", tooltip=tips),
            layer({"type": "point", "filled": True, "size": 50}, ["dots"], "smooth", tooltip=tips),
            {
                "transform": [{"filter": {"field": "kind", "equal": "mark"}}],
                "mark": {"type": "rule", "strokeDash": [4, 4], "strokeWidth": 1.5, "color": MARK_COLOUR},
                "encoding": {"x": step, "tooltip": {"field": "words", "type": "nominal", "title": t("ui.axis_series")}},
            },
        ]
    }
