"""Validation rows that are training rows too: a chart of how many, and the pairs in a table."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mactuner_core.data.rows import Example
from mactuner_core.data.statistics.overlap import KINDS
from mactuner_core.data.statistics.part import Statistics
from mactuner_core.data.statistics.select import rows_in
from ui.data_charts import chart_overlap, selected_bars
from ui.data_table import TABLE_HEIGHT, example_rows
from ui.examples import small_table
from ui.language import language, t

SHOWN_PAIRS = 50


def draw_overlap(statistics: Statistics, rows: Sequence[Example], key: str) -> None:
    """Draw the overlap; `rows` are the training rows and then the validation rows, `key` is the chart's."""
    figures = statistics.parts["overlap"].figures
    found = sum(figures[kind] for kind in KINDS)
    if not figures["rows"]:
        st.caption(t("data_versions.no_validation"))
        return
    if not found:
        st.success(t("data_versions.no_overlap", rows=f"{figures['rows']:,}"), icon=":material/check_circle:")
        return
    share = f"{found / figures['rows']:.1%}"
    st.warning(t("data_versions.overlap", count=f"{found:,}", share=share), icon=":material/content_copy:")
    event = st.altair_chart(chart_overlap(statistics, language()), on_select="rerun", key=key)
    st.caption(t("data_versions.click_a_kind"))
    bars = selected_bars(dict(event), "overlap") or list(range(len(KINDS)))
    pairs = [(bar, *pair) for bar in bars for pair in _pairs(rows_in(statistics, "overlap", bar))]
    small_table(
        [_line(rows, statistics.rows["train_rows"], *pair) for pair in pairs[:SHOWN_PAIRS]],
        height=TABLE_HEIGHT if len(pairs) > 3 else None,
    )
    if len(pairs) > SHOWN_PAIRS:
        st.caption(t("data_versions.first_pairs", shown=SHOWN_PAIRS, count=f"{len(pairs):,}"))


def _pairs(rows: list[int]) -> list[tuple[int, int]]:
    return list(zip(rows[::2], rows[1::2], strict=True))


def _line(rows: Sequence[Example], train_rows: int, kind: int, row: int, twin: int) -> dict[str, object]:
    """Return the line of the table for one pair: both rows with their numbers."""
    return {
        t("data_page.kind"): t(f"statistics.overlap_{KINDS[kind]}"),
        t("data_page.validation"): f"{row - train_rows + 1:,} · {_said(rows[row])}",
        t("data_page.train"): f"{twin + 1:,} · {_said(rows[twin])}",
    }


def _said(row: Example) -> str:
    """Return what a row says as one text."""
    return " → ".join(str(cell) for cell in list(example_rows([row])[0].values())[1:])
