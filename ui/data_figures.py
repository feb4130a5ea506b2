"""The figures of a saved version: one chart at a time, a click on a bar shows its rows below."""

from __future__ import annotations

import streamlit as st

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.dataset import SPLITS, saved_rows
from mactuner_core.data.rows import Example
from mactuner_core.data.splitting import SplitRecipe
from mactuner_core.data.statistics.overlap import overlap_of
from mactuner_core.data.statistics.part import Statistics
from ui.data_charts import selected_rows
from ui.data_overlap import draw_overlap
from ui.data_table import table_of
from ui.data_understand import chart_of, nothing_missing
from ui.language import labels, t

CHARTS = ("overlap", "characters", "turns", "parts", "missing", "longest", "shortest")


def version_figures(version: DatasetVersion) -> None:
    """Draw the choice of a chart, the chart, and the rows behind what was clicked."""
    names = labels("data_page.chart_", [name for name in CHARTS if name != "overlap"])
    names = {"overlap": t("data_versions.chart_overlap"), **names}
    chosen = st.segmented_control(
        t("data_page.chart"),
        CHARTS,
        default=CHARTS[0],
        required=True,
        format_func=names.__getitem__,
        key="version-chart",
        label_visibility="collapsed",
        wrap=True,
    )
    name = str(chosen or CHARTS[0])
    with st.spinner(t("data_page.counting")):
        statistics, rows = counted(version, version.path), all_rows(version, version.path)
    key = f"version-chart-{name}-{version.id}"
    if name == "overlap":
        draw_overlap(statistics, rows, key)
        return
    if name == "missing" and nothing_missing(statistics):
        return
    if name in ("longest", "shortest"):
        st.caption(t(f"data_page.about_{name}"))
        picked: list[int] | None = [row["row"] for row in statistics.rows[name]]
    else:
        event = st.altair_chart(chart_of(statistics, name, None), on_select="rerun", key=key)
        st.caption(t("data_page.click_a_bar"))
        picked = selected_rows(dict(event), statistics)
    table_of(rows, picked, stage="finished", all_rows=0)


@st.cache_resource(max_entries=4, show_spinner=False)
def counted(_version: DatasetVersion, path: str) -> Statistics:
    """Return the figures of a saved version with its overlap, as near as its own split looked for it."""
    split = SplitRecipe.check(_version.recipe.get("split") or {})
    return overlap_of(_version, split.near_duplicate_threshold)


@st.cache_resource(max_entries=2, show_spinner=False)
def all_rows(_version: DatasetVersion, path: str) -> list[Example]:
    """Return the training rows and then the validation rows of a saved version, which never change."""
    return [row for split in SPLITS for row in saved_rows(_version, split)]
