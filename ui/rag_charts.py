"""The chart of compared settings: how many sources are found among the first k hits, a line for each way to search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import streamlit as st

from mactuner_core.rag.grid import METHODS, Row
from ui.charts import COLOURS
from ui.language import labels, t

HEIGHT = 300


def grid_chart(rows: Sequence[Row]) -> None:
    """Draw recall over k."""
    st.altair_chart(chart_of(rows), width="stretch", key="documents-grid-chart")


def chart_of(rows: Sequence[Row]) -> alt.Chart:
    """Return the chart; ways of cutting are told apart by the dashes of the lines, where there are several."""
    names = labels("rag_page.method_", METHODS)
    used = [names[method] for method in METHODS if any(row.method == method for row in rows)]
    cuts = list(dict.fromkeys(cut_of(row) for row in rows))
    colours = alt.Scale(domain=used, range=list(COLOURS[: len(used)]))
    legend = alt.Legend(orient="top", labelLimit=400, title=None)
    tips = [
        alt.Tooltip("method:N", title=t("rag_page.column_method")),
        alt.Tooltip("cut:N", title=t("rag_page.column_cut")),
        alt.Tooltip("k:O", title="k"),
        alt.Tooltip("recall:Q", title=t("rag_page.column_recall"), format=".2f"),
        alt.Tooltip("mrr:Q", title="MRR", format=".2f"),
        alt.Tooltip("ndcg:Q", title="nDCG", format=".2f"),
    ]
    several: dict[str, Any] = {}
    if len(cuts) > 1:
        several["strokeDash"] = alt.StrokeDash("cut:N", sort=cuts, legend=legend)
    return (
        alt.Chart(alt.Data(values=[point_of(row, names) for row in rows]))
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True), strokeWidth=2)
        .encode(
            x=alt.X("k:O", title=t("rag_page.axis_k"), axis=alt.Axis(labelAngle=0, grid=False)),
            y=alt.Y("recall:Q", title=t("rag_page.column_recall"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("method:N", scale=colours, legend=legend),
            tooltip=tips,
            **several,
        )
        .properties(height=HEIGHT)
    )


def cut_of(row: Row) -> str:
    """Return how documents were cut, in words."""
    return t("rag_page.cut", size=row.chunk_tokens, overlap=row.overlap_percent)


def point_of(row: Row, names: dict[str, str]) -> dict[str, Any]:
    """Return a combination as a point of the chart."""
    means = {name: getattr(row, name).mean for name in ("recall", "mrr", "ndcg")}
    return {"method": names[row.method], "cut": cut_of(row), "k": row.k, **means}
