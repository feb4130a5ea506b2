"""Step 2, Understand: one chart at a time, large; a click on a bar shows its rows in the table below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import altair as alt
import streamlit as st

from mactuner_core.data.statistics.part import Statistics
from mactuner_core.data.statistics.select import cut_by, rows_cut
from mactuner_core.format import human_bytes
from ui import data_charts
from ui.data_parts import next_button
from ui.data_work import Desk
from ui.errors import errors_are_shown
from ui.language import labels, language, t
from ui.page import main_and_settings

MAX_LENGTH = 512


class Picked(NamedTuple):
    """What the table shows: places of rows (None: all), and whether they are messages of the chat."""

    rows: list[int] | None = None
    messages: bool = False


def understand_step(desk: Desk) -> Picked:
    """Draw the step and return what was clicked."""
    left, right = main_and_settings()
    picked = Picked()
    with right:
        limit = token_settings(desk)
    with left, errors_are_shown(), st.spinner(t("data_page.counting")):
        figures(desk)
        names = labels("data_page.chart_", charts_for(desk))
        name = st.segmented_control(
            t("data_page.chart"),
            names,
            default="characters",
            required=True,
            format_func=names.__getitem__,
            key="data-chart",
            label_visibility="collapsed",
            wrap=True,
        )
        picked = draw_chart(desk, str(name if name in names else "characters"), limit)
    with right:
        if limit is not None:
            with errors_are_shown():
                picked = cut_rows(desk, limit) or picked
        next_button("clean")
    return picked


def charts_for(desk: Desk) -> list[str]:
    """Return the charts that say something about this file."""
    chat = ["speakers", "week"] if desk.reading().chat else []
    tokens = ["tokens"] if desk.tokenizer else []
    rest = ["words", "cloud", "missing", "near", "longest", "shortest"]
    return ["characters", *tokens, "turns", "parts", *chat, *rest]


def figures(desk: Desk) -> None:
    """Draw rows, size, copies and empty cells."""
    counted = desk.statistics().rows
    columns = st.columns(4)
    columns[0].metric(t("data_page.rows_now"), f"{counted['rows']:,}")
    columns[1].metric(t("data_page.memory"), human_bytes(counted["memory_bytes"]), help=t("data_page.memory_help"))
    same = counted["duplicates"]["normalised"]
    columns[2].metric(t("data_page.same_rows"), f"{same:,}", help=t("data_page.same_rows_help"))
    longest = counted["characters"]["max"] or 0
    columns[3].metric(t("data_page.longest"), f"{longest:,}")


def draw_chart(desk: Desk, name: str, limit: int | None) -> Picked:
    """Draw one chart and return the rows behind what was clicked in it."""
    if name in ("longest", "shortest"):
        st.caption(t(f"data_page.about_{name}"))
        return Picked([row["row"] for row in desk.statistics().rows[name]])
    if name == "missing" and nothing_missing(desk.statistics()):
        return Picked()
    of_chat = name in ("speakers", "week")
    statistics = desk.chat_statistics() if of_chat else desk.statistics(words=name in ("words", "cloud"))
    if name == "tokens":
        statistics = desk.statistics(tokens=True)
    if name == "near":
        statistics = desk.near_statistics()
        if not statistics.parts["near_duplicates"].figures["groups"]:
            st.success(t("data_page.no_near"), icon=":material/check_circle:")
            return Picked()
    assert statistics is not None  # noqa: S101 (`charts_for` offers chat charts for chats only)
    chart = chart_of(statistics, name, limit)
    key = desk.draft.key(f"chart-{name}")
    width: Any = "content" if name == "cloud" else "stretch"
    event = st.altair_chart(chart, width=width, on_select="rerun", key=key)
    st.caption(t("data_page.click_a_bar"))
    return Picked(data_charts.selected_rows(dict(event), statistics), of_chat)


def nothing_missing(statistics: Statistics) -> bool:
    """Say so and return True when every row has a value in every column."""
    if any(column["missing"] for column in statistics.rows["columns"]):
        return False
    st.success(t("data_page.no_missing"), icon=":material/check_circle:")
    return True


def chart_of(statistics: Statistics, name: str, limit: int | None) -> alt.Chart | alt.LayerChart:
    """Return the chart called `name`."""
    words = language()
    if name in ("characters", "tokens", "turns"):
        return data_charts.chart_lengths(statistics, words, name, limit)
    charts: dict[str, Callable[[Statistics, str], alt.Chart]] = {
        "parts": data_charts.chart_parts,
        "speakers": data_charts.chart_speakers,
        "week": data_charts.chart_week,
        "words": data_charts.chart_words,
        "cloud": data_charts.chart_cloud,
        "missing": data_charts.chart_missing,
        "near": lambda found, chosen: data_charts.chart_groups(found, "near_duplicates", chosen),
    }
    return charts[name](statistics, words)


def choose_model(desk: Desk) -> None:
    """Draw the choice of the model whose tokens are counted, and keep it."""
    models = [model.id for model in desk.catalog.models()]
    if not models:
        st.caption(t("data_page.no_model_for_tokens"))
        return
    model = st.selectbox(
        t("data_page.token_model"),
        models,
        index=models.index(desk.model) if desk.model in models else None,
        placeholder=t("data_page.token_model_none"),
        help=t("data_page.token_model_help"),
        key=desk.draft.key("model"),
    )
    desk.change(extra={**desk.draft.extra, "model": model or ""})


def token_settings(desk: Desk) -> int | None:
    """Draw model and longest length, and return that length when tokens can be counted."""
    st.subheader(t("data_page.tokens"), anchor=False)
    choose_model(desk)
    if not desk.tokenizer:
        return None
    length = st.slider(
        t("data_page.max_length"),
        16,
        4096,
        MAX_LENGTH,
        step=16,
        help=t("data_page.max_length_help"),
        key=desk.draft.key("max-length"),
    )
    return int(length)


def cut_rows(desk: Desk, limit: int) -> Picked | None:
    """Say what the longest length cuts, and return the cut rows when a person wants to see them."""
    statistics = desk.statistics(tokens=True)
    cut = cut_by(statistics, limit)
    st.metric(t("data_page.cut_share"), f"{cut['share']:.1%}", help=t("data_page.cut_rows", rows=f"{cut['rows']:,}"))
    if cut["rows"] and st.toggle(t("data_page.show_cut"), key=desk.draft.key("show-cut")):
        return Picked(rows_cut(statistics, limit))
    return None
