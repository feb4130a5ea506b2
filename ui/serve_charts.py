"""The two charts of a server: tokens a second, and how many requests run and wait, over the last two minutes.

Drawn as plain Vega-Lite with the data beside it, as in `ui/charts.py`: the browser then moves the lines without a flicker.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ui.charts import COLOURS
from ui.language import t
from ui.serve_live import Live

SECONDS = 120
HEIGHT = 190
LOWEST_TOP = {"speed": 10.0, "requests": 4.0}  # where the upright axis ends at least
Row = dict[str, Any]


def speed_chart(live: Live) -> None:
    """Draw tokens a second."""
    rows = points(live, {"speed": 1}, time.time())
    spec = _spec(t("serve_page.axis_speed"), [t("serve_page.series_speed")], COLOURS[:1], _top(rows, "speed"))
    _draw(rows, spec, "serve-speed")


def requests_chart(live: Live) -> None:
    """Draw how many requests are answered and how many wait."""
    rows = points(live, {"running": 2, "waiting": 3}, time.time())
    names = [t("serve_page.series_running"), t("serve_page.series_waiting")]
    spec = _spec(t("serve_page.axis_requests"), names, (COLOURS[0], COLOURS[3]), _top(rows, "requests"), steps=True)
    _draw(rows, spec, "serve-requests")


def points(live: Live, columns: Mapping[str, int], now: float) -> list[Row]:
    """Return the rows behind a chart: seconds before now (negative), value, and what it is of."""
    return [
        {"ago": round(point[0] - now, 1), "value": float(point[place]), "series": t(f"serve_page.series_{name}")}
        for name, place in columns.items()
        for point in live.points(now)
        if point[0] - now >= -SECONDS
    ]


def _top(rows: Sequence[Row], chart: str) -> float:
    return max([LOWEST_TOP[chart], *(float(row["value"]) for row in rows)])


def _draw(rows: Sequence[Row], spec: dict[str, Any], key: str) -> None:
    import pandas as pd

    data = pd.DataFrame(rows, columns=["ago", "value", "series"])
    st.vega_lite_chart(data, spec, width="stretch", height=HEIGHT, key=key)


def _spec(
    title: str, names: Sequence[str], colours: Sequence[str], top: float, *, steps: bool = False
) -> dict[str, Any]:
    """Return the Vega-Lite spec; the axes stand still while the lines move."""
    across = {
        "field": "ago",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [-SECONDS, 0], "nice": False},
        "axis": {
            "grid": False,
            "values": [-120, -90, -60, -30, 0],
            "labelExpr": f"datum.value ? -datum.value + '{t('serve_page.axis_seconds')}' : '{t('serve_page.axis_now')}'",
            "labelFlush": True,
        },
    }
    upright = {
        "field": "value",
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, top * 1.1], "nice": True},
        "axis": {"tickCount": 4, "tickMinStep": 1, "format": ",d"},
    }
    colour = {
        "field": "series",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(names), "range": list(colours)},
        "legend": {"orient": "top", "labelLimit": 400, "offset": 4, "padding": 0} if len(names) > 1 else None,
    }
    tips = [
        {"field": "series", "type": "nominal", "title": t("ui.axis_series")},
        {"field": "value", "type": "quantitative", "title": title, "format": ",.1f"},
    ]
    line = {"type": "line", "interpolate": "step-after" if steps else "monotone", "strokeWidth": 2, "clip": True}
    return {"mark": line, "encoding": {"x": across, "y": upright, "color": colour, "tooltip": tips}}
