"""The charts about a dataset: valid, in both languages, and clicked bars lead to their rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.data.kakaotalk.parse import parse
from mactuner_core.data.statistics.chat import chat_statistics
from mactuner_core.data.statistics.compute import compute
from mactuner_core.data.statistics.part import Part, Statistics, groups, lengths, packed
from mactuner_core.data.text_file import read_text_file
from mactuner_core.messages import LANGUAGES
from tests.conftest import SAMPLES
from ui import data_charts as charts

WORDS = {
    "words": [{"word": "계약", "times": 3, "rows": 2}, {"word": "사랑", "times": 1, "rows": 1}],
    "cloud": {
        "width": 640,
        "height": 340,
        "words": [{"word": "계약", "times": 3, "rank": 0, "size": 46, "x": 320.0, "y": 170.0}],
    },
}


def row(*contents: str) -> dict[str, Any]:
    return {"messages": [{"role": ("user", "assistant")[n % 2], "content": said} for n, said in enumerate(contents)]}


@pytest.fixture
def found() -> Statistics:
    rows = [row("가", "나"), row("가나다", "라마"), row("가", "나", "다", "라"), {"messages": None, "name": "이름"}]
    statistics = compute(rows).with_part("near_duplicates", groups(["1", "2"], [[0, 2], [1, 3]]))
    return statistics.with_part("words", Part(WORDS, packed("words", [[0, 2], [3]])))


@pytest.fixture
def with_tokens(found: Statistics) -> Statistics:
    values = found.parts["rows"].arrays["characters"] * 100
    figures = {"tokens": lengths(values), "parts": [{"name": "user", "tokens": 9}]}
    return found.with_part("tokens", Part(figures, {"tokens": values}))


def chat() -> Statistics:
    return chat_statistics(parse(read_text_file(SAMPLES / "kakaotalk_two_people.txt")))


DRAWN: dict[str, Callable[[Statistics, str], Any]] = {
    "characters": charts.chart_lengths,
    "turns": lambda found, language: charts.chart_lengths(found, language, "turns"),
    "tokens": lambda found, language: charts.chart_lengths(found, language, "tokens", 350),
    "parts": lambda found, language: charts.chart_parts(found, language, "tokens"),
    "missing": charts.chart_missing,
    "words": charts.chart_words,
    "cloud": charts.chart_cloud,
    "near_duplicates": lambda found, language: charts.chart_groups(found, "near_duplicates", language),
    "week": charts.chart_week,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_is_valid_and_has_its_selection(with_tokens: Statistics, name: str, language: str) -> None:
    drawn = DRAWN[name](with_tokens, language).to_dict()
    assert [selection["name"] for selection in drawn["params"]] == [name]
    assert isinstance(drawn["height"], int)


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_can_be_drawn_too(name: str) -> None:
    nothing = compute([])
    values = nothing.parts["rows"].arrays["characters"]
    nothing = nothing.with_part("tokens", Part({"tokens": lengths(values), "parts": []}, {"tokens": values}))
    empty = {"words": [], "cloud": {"width": 640, "height": 340, "words": []}}
    nothing = nothing.with_part("words", Part(empty, packed("words", [])))
    nothing = nothing.with_part("near_duplicates", groups([], []))
    assert DRAWN[name](nothing, "ko").to_dict()


def test_bars_of_a_histogram(found: Statistics) -> None:
    drawn = charts.chart_lengths(found, "en", "turns").to_dict()
    bars = drawn["data"]["values"]
    assert [(bar["bin"], bar["low"], bar["high"], bar["rows"], bar["share"], bar["range"]) for bar in bars] == [
        (0, 0.5, 1.5, 1, 0.25, "1"),
        (1, 1.5, 2.5, 2, 0.5, "2"),
        (2, 2.5, 3.5, 0, 0, "3"),
        (3, 3.5, 4.5, 1, 0.25, "4"),
    ]


def test_the_line_of_a_limit_says_what_it_cuts(with_tokens: Statistics) -> None:
    drawn = charts.chart_lengths(with_tokens, "en", "tokens", 350).to_dict()
    (label,) = drawn["layer"][1]["data"]["values"]
    assert label == {"at": 350.5, "label": "Limit 350: 50.0% cut"}


def test_clicked_bars_lead_to_rows(found: Statistics) -> None:
    def click(**selection: Any) -> list[int] | None:
        return charts.selected_rows({"selection": selection}, found)

    assert click(turns=[{"bin": 1}]) == [0, 1]
    assert click(turns=[{"bin": 3}, {"bin": 1}]) == [0, 1, 2]
    assert click(words=[{"bin": 1}]) == [3]
    assert click(near_duplicates=[{"bin": 1}]) == [1, 3]
    assert click(missing=[{"bin": 0}]) == [3]
    assert click(turns=[]) is None
    assert charts.selected_rows(None, found) is None
    assert charts.selected_rows({}, found) is None


def test_a_click_on_a_chart_that_has_changed_since_selects_nothing(found: Statistics) -> None:
    assert charts.selected_rows({"selection": {"turns": [{"bin": 99}]}}, found) == []


def test_a_chat() -> None:
    found = chat()
    week = charts.chart_week(found, "ko").to_dict()
    hours = week["data"]["values"]
    assert len(hours) == 7 * 24 and hours[0]["day"] == "월"
    assert sum(hour["rows"] for hour in hours) == found.as_dict()["chat"]["said"]
    busiest = max(hours, key=lambda hour: hour["rows"])
    clicked = charts.selected_rows({"selection": {"week": [{"bin": busiest["bin"]}]}}, found)
    assert clicked is not None and len(clicked) == busiest["rows"]
    speaker = found.as_dict()["chat"]["speakers"][0]
    own = charts.chart_week(found, "ko", speaker["name"]).to_dict()["data"]["values"]
    assert sum(hour["rows"] for hour in own) == speaker["messages"]
    bars = charts.chart_speakers(found, "ko").to_dict()["data"]["values"]
    assert bars[0]["label"] == speaker["name"]


def test_names_of_columns_cannot_leave_their_label() -> None:
    odd = 'a"] + "\u2028\\'
    found = compute([{odd: "x", "b": ""}])
    drawn = charts.chart_missing(found, "en").to_dict()
    assert drawn["encoding"]["y"]["axis"]["labelExpr"] == '["a\\"] + \\"\\u2028\\\\", "b"][datum.value]'


def test_no_chart_needs_streamlit() -> None:
    assert "streamlit" not in Path(charts.__file__).read_text(encoding="utf-8").split('"""')[2]
