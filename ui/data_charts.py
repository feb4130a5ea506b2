"""The charts about a dataset: drawn from counted figures, and each bar leads back to its rows.

Each chart has a selection with the chart's own name over the field "bin". `st.altair_chart(chart, on_select="rerun")` gives
what was clicked (with Shift: several bars), and `selected_rows` the rows behind it. Colours hold on light and dark ground.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from mactuner_core.data.statistics.overlap import KINDS as OVERLAP_KINDS
from mactuner_core.data.statistics.part import Statistics
from mactuner_core.data.statistics.select import cut_by, rows_in
from mactuner_core.messages import catalogue, text

PRIMARY, SECONDARY, CAREFUL, GRAY = "#3B82F6", "#8B5CF6", "#F59E0B", "#94A3B8"
HEIGHT = 260
BAR_HEIGHT, BELOW_BARS = 26, 72  # of one bar in a list, and of the axis under it
WEEK_HEIGHT = 240
MOST_BARS = 30
FADED = 0.35
UPRIGHT = alt.Axis(
    tickMinStep=1, format=",d", titleAngle=0, titleAlign="left", titleAnchor="end", titleX=-34, titleY=-8
)
CLOUD_FONT = "'Apple SD Gothic Neo', Pretendard, 'Malgun Gothic', 'Noto Sans KR', 'Noto Sans CJK KR', sans-serif"


def chart_lengths(
    statistics: Statistics, language: str, of: str = "characters", max_length: int | None = None
) -> alt.LayerChart:
    """Return the histogram of "characters", "turns" or "tokens" a row, with a line at `max_length` tokens when given."""
    part = statistics.parts["tokens" if of == "tokens" else "rows"].figures
    data = _bins(part[of]["histogram"], language)
    title = text(f"statistics.{of}", language)
    selection = alt.selection_point(name=of, fields=["bin"])
    bars = (
        alt.Chart(alt.Data(values=data))
        .mark_rect(color=PRIMARY, xOffset=0.5, x2Offset=-0.5, cursor="pointer")  # a bar cannot have ends on both axes
        .encode(
            x=alt.X(
                "low:Q",
                title=title,
                scale=alt.Scale(zero=False, nice=False),
                axis=alt.Axis(grid=False, format=",d", tickCount=8, tickMinStep=1),
            ),
            x2="high:Q",
            y=alt.Y("rows:Q", title=text("statistics.rows", language), axis=UPRIGHT, scale=alt.Scale(zero=True)),
            y2=alt.datum(0),
            opacity=alt.condition(selection, alt.value(1), alt.value(FADED)),
            tooltip=[_tip("range:N", "range", language), *_counted(language)],
        )
        .add_params(selection)
    )
    layers: list[alt.Chart] = [bars]
    if max_length is not None and data and of == "tokens":
        layers += _limit(statistics, language, max_length, data)
    return alt.layer(*layers).properties(height=HEIGHT)


def chart_parts(statistics: Statistics, language: str, of: str = "characters") -> alt.Chart:
    """Return how much each role says, in "characters", "texts" or "tokens" (when they were counted)."""
    parts = statistics.rows["parts"]
    if of == "tokens":
        tokens = {part["name"]: part["tokens"] for part in statistics.parts["tokens"].figures["parts"]}
        parts = [{**part, "tokens": tokens.get(part["name"], 0)} for part in parts]
    bars = [(_role(part["name"], language), part[of]) for part in parts]
    return _bars("parts", bars, "said_by", f"{of}_said", language)


def chart_missing(statistics: Statistics, language: str) -> alt.Chart:
    """Return how many rows have no value, for each column."""
    bars = [(column["name"], column["missing"]) for column in statistics.rows["columns"]]
    return _bars("missing", bars, "column", "missing", language, CAREFUL)


def chart_speakers(statistics: Statistics, language: str, of: str = "messages") -> alt.Chart:
    """Return who speaks how much in a chat, in "messages" or "characters"."""
    bars = [(speaker["name"], speaker[of]) for speaker in statistics.parts["chat"].figures["speakers"]]
    value = "texts_said" if of == "messages" else "characters_said"
    return _bars("speakers", bars, "speaker", value, language, SECONDARY)


def chart_words(statistics: Statistics, language: str, most: int = 20) -> alt.Chart:
    """Return the `most` frequent words."""
    bars = [(word["word"], word["times"]) for word in statistics.parts["words"].figures["words"][:most]]
    return _bars("words", bars, "word", "count", language)


def chart_groups(statistics: Statistics, part: str, language: str) -> alt.Chart:
    """Return the sizes of the groups of "near_duplicates" or "rules"."""
    bars = [(group["name"], group["rows"]) for group in statistics.parts[part].figures["groups"]]
    return _bars(part, bars, "group", "rows", language, CAREFUL)


def chart_week(statistics: Statistics, language: str, speaker: str | None = None) -> alt.Chart:
    """Return when messages were written, by weekday and hour: of all, or of one speaker; a click gives those of all."""
    part = statistics.parts.get("chat") or statistics.parts["rows"]
    week: Sequence[Sequence[int]] = part.figures.get("week") or [[0] * 24] * 7
    if speaker is not None:
        week = next(each["week"] for each in part.figures["speakers"] if each["name"] == speaker)
    days = text("statistics.weekdays", language).split()
    data = [
        {"bin": day * 24 + hour, "day": days[day], "hour": hour, "rows": count}
        for day, counts in enumerate(week)
        for hour, count in enumerate(counts)
    ]
    selection = alt.selection_point(name="week", fields=["bin"])
    most = max(1, *(count for counts in week for count in counts))
    strength = alt.Opacity("rows:Q", scale=alt.Scale(domain=[0, most], range=[0.04, 1]), legend=None)
    return (
        alt.Chart(alt.Data(values=data))
        .mark_rect(cornerRadius=3, cursor="pointer")
        .encode(
            x=alt.X("hour:O", title=text("statistics.hour", language), axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("day:N", title=None, sort=days),
            color=alt.condition(selection, alt.value(PRIMARY), alt.value(GRAY)),
            opacity=strength,
            tooltip=[
                _tip("day:N", "weekday", language),
                _tip("hour:O", "hour", language),
                _tip("rows:Q", "texts_said", language, ",d"),
            ],
        )
        .add_params(selection)
        .properties(height=WEEK_HEIGHT)
    )


def chart_cloud(statistics: Statistics, language: str) -> alt.Chart:
    """Return the word cloud, in the fixed size its words were placed in: draw it with `width="content"`."""
    cloud = statistics.parts["words"].figures["cloud"]
    data = [{**word, "bin": word["rank"], "colour": word["rank"] % 2} for word in cloud["words"]]
    selection = alt.selection_point(name="cloud", fields=["bin"])
    return (
        alt.Chart(alt.Data(values=data))
        .mark_text(font=CLOUD_FONT, fontWeight=600, baseline="middle", align="center", cursor="pointer")
        .encode(
            x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, cloud["width"]], nice=False)),
            y=alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[cloud["height"], 0], nice=False)),
            text="word:N",
            size=alt.Size("size:Q", scale=None, legend=None),
            color=alt.Color("colour:N", scale=alt.Scale(domain=[0, 1], range=[PRIMARY, SECONDARY]), legend=None),
            opacity=alt.condition(selection, alt.value(1), alt.value(FADED)),
            tooltip=[_tip("word:N", "word", language), _tip("times:Q", "count", language, ",d")],
        )
        .add_params(selection)
        .properties(width=cloud["width"], height=cloud["height"], padding=0)
        .configure_view(stroke=None)
    )


def chart_overlap(statistics: Statistics, language: str) -> alt.Chart:
    """Return how many validation rows are training rows too: exactly, but for spaces and marks, or nearly."""
    figures = statistics.parts["overlap"].figures
    bars = [(text(f"statistics.overlap_{kind}", language), figures[kind]) for kind in OVERLAP_KINDS]
    return _bars("overlap", bars, "group", "validation_rows", language, CAREFUL)


def selected_bars(event: Mapping[str, Any] | None, chart: str) -> list[int] | None:
    """Return the numbers of the bars of `chart` that were clicked, or None when none is."""
    points = ((event or {}).get("selection") or {}).get(chart) or []
    return sorted({int(point["bin"]) for point in points}) or None


def selected_rows(event: Mapping[str, Any] | None, statistics: Statistics) -> list[int] | None:
    """Return the rows behind what was clicked in a chart, in order without repeats; None when nothing is selected."""
    selected = (event or {}).get("selection") or {}
    found: list[int] = []
    anything = False
    for chart, points in selected.items():
        for point in points:
            anything = True
            with contextlib.suppress(IndexError):  # clicked before the figures changed
                found += rows_in(statistics, chart, int(point["bin"]))
    if not anything:
        return None
    return sorted(set(found))


def _bins(histogram: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """Return a bar for each bin; the last one of an open histogram is drawn as wide as the others."""
    edges, counts = histogram["edges"], histogram["counts"]
    total = sum(counts)
    width = edges[1] - edges[0] if counts else 1
    middle = 0.5 if width == 1 else 0  # the bar of a single number stands over it
    bars = []
    for number, rows in enumerate(counts):
        low, high = edges[number], edges[number + 1]
        if histogram["open_end"] and number == len(counts) - 1:
            written = text("statistics.range_open", language, low=f"{low:,}")
        else:
            written = f"{low:,}" if high == low + 1 else f"{low:,} – {high - 1:,}"
        place = {"low": low - middle, "high": low + width - middle}
        bars.append({"bin": number, **place, "rows": rows, "range": written, "share": rows / total})
    return bars


def _limit(
    statistics: Statistics, language: str, max_length: int, data: Sequence[Mapping[str, Any]]
) -> list[alt.Chart]:
    """Return a line where the limit lies and what it cuts; a limit beyond the chart stands at its edge."""
    share = f"{cut_by(statistics, max_length)['share']:.1%}"
    label = text("statistics.cut_at", language, max_length=f"{max_length:,}", share=share)
    low, high = data[0]["low"], data[-1]["high"]
    at = min(max(max_length + 0.5, low), high)
    left = at > (low + high) / 2
    base = alt.Chart(alt.Data(values=[{"at": at, "label": label}])).encode(x="at:Q")
    return [
        base.mark_rule(color=CAREFUL, strokeWidth=2, strokeDash=[5, 3]),
        base.mark_text(
            color=CAREFUL, align="right" if left else "left", dx=-6 if left else 6, baseline="top", fontWeight=600
        ).encode(y=alt.value(2), text="label:N"),
    ]


def _bars(
    chart: str, bars: Sequence[tuple[str, int]], name: str, value: str, language: str, colour: str = PRIMARY
) -> alt.Chart:
    """Return a list of horizontal bars in the order given, at most MOST_BARS of them."""
    total = sum(count for _, count in bars)
    data = [
        {"bin": number, "label": label, "rows": count, "share": count / total if total else 0}
        for number, (label, count) in enumerate(bars[:MOST_BARS])
    ]
    selection = alt.selection_point(name=chart, fields=["bin"])
    label, title = text(f"statistics.{name}", language), text(f"statistics.{value}", language)
    return (
        alt.Chart(alt.Data(values=data))
        .mark_bar(color=colour, cornerRadiusEnd=3, cursor="pointer")
        .encode(
            x=alt.X("rows:Q", title=title, axis=alt.Axis(tickMinStep=1, format="~s", tickCount=5)),
            y=alt.Y(
                "bin:O",
                title=None,
                axis=alt.Axis(labelExpr=_label_expression(bars), labelLimit=160, grid=False),
            ),
            opacity=alt.condition(selection, alt.value(1), alt.value(FADED)),
            tooltip=[
                alt.Tooltip("label:N", title=label),
                alt.Tooltip("rows:Q", title=title, format=",d"),
                _tip("share:Q", "share", language, ".1%"),
            ],
        )
        .add_params(selection)
        .properties(height=max(1, len(data)) * BAR_HEIGHT + BELOW_BARS)
    )


def _label_expression(bars: Sequence[tuple[str, int]]) -> str:
    """Return the Vega expression that names bar 0, 1, 2 …: labels may repeat, so they cannot be the axis themselves."""
    return f"{json.dumps([label for label, _ in bars[:MOST_BARS]])}[datum.value]"


def _counted(language: str) -> list[alt.Tooltip]:
    return [_tip("rows:Q", "rows", language, ",d"), _tip("share:Q", "share", language, ".1%")]


def _tip(field: str, name: str, language: str, form: str | None = None) -> alt.Tooltip:
    title = text(f"statistics.{name}", language)
    return alt.Tooltip(field, title=title, format=form) if form else alt.Tooltip(field, title=title)


def _role(name: str, language: str) -> str:
    """Return what a role is called; a column of a table keeps its name."""
    key = f"statistics.role_{name}"
    return text(key, language) if key in catalogue() else name
