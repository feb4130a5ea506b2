"""From a figure back to its rows, and questions to a distribution that was counted once."""

from __future__ import annotations

from typing import Any

import numpy as np

from mactuner_core.data.statistics.part import Array, Part, Statistics, unpacked

_LENGTHS = {"characters": "rows", "turns": "rows", "tokens": "tokens"}  # a value for each row
_LISTS = {
    "missing": ("rows", "missing"),
    "duplicates": ("rows", "duplicates"),
    "overlap": ("rows", "overlap"),
    "words": ("words", "words"),
    "cloud": ("words", "words"),
    "speakers": ("chat", "speakers"),
    "near_duplicates": ("near_duplicates", "groups"),
    "rules": ("rules", "groups"),
}


def rows_in(statistics: Statistics, chart: str, number: int) -> list[int]:
    """Return the rows behind bar `number` of `chart`, in order; for a chat the numbers of its messages.

    Charts: "characters", "turns", "tokens" (bins), "parts" (who says), "missing" (columns), "words", "cloud", "duplicates",
    "near_duplicates", "rules" (groups), "overlap" (0 exact, 1 normalised: each validation row and its training row; see overlap.py),
    "longest", "shortest" (bar by bar), "week" (hours from Monday 0:00), "speakers". Raises IndexError when there is no such
    bar, KeyError when there is no such chart.
    """
    if chart in _LENGTHS:
        return _in_bin(statistics.parts[_LENGTHS[chart]], chart, number)
    if chart == "overlap" and (overlap := statistics.parts.get("overlap")):
        return unpacked(overlap.arrays, "overlap", number)
    if chart in _LISTS:
        part, name = _LISTS[chart]
        return unpacked(statistics.parts[part].arrays, name, number)
    if chart == "week":
        hours = (statistics.parts.get("chat") or statistics.parts["rows"]).arrays["week"]
        return _numbers(hours == number)
    rows = statistics.parts["rows"]
    if chart == "parts":
        if not 0 <= number < len(rows.figures["parts"]):
            raise IndexError(number)
        return _numbers((rows.arrays["said_by"] >> np.uint32(number)) & np.uint32(1) == 1)
    return [rows.figures[{"longest": "longest", "shortest": "shortest"}[chart]][number]["row"]]


def rows_between(statistics: Statistics, chart: str, low: float, high: float) -> list[int]:
    """Return the rows whose "characters", "turns" or "tokens" lie between `low` and `high`, both included."""
    values = statistics.parts[_LENGTHS[chart]].arrays[chart]
    return _numbers((values >= low) & (values <= high))


def cut_by(statistics: Statistics, max_length: int) -> dict[str, Any]:
    """Return how many rows, which share of them, and which share of all tokens a limit of `max_length` tokens would cut.

    Any limit can be asked: nothing is counted again. Raises KeyError when tokens were not counted.
    """
    tokens = statistics.parts["tokens"].arrays["tokens"]
    long = tokens[tokens > max_length].astype(np.int64)
    total = int(tokens.sum(dtype=np.int64))
    return {
        "max_length": max_length,
        "rows": len(long),
        "share": len(long) / len(tokens) if len(tokens) else 0.0,
        "tokens_share": int((long - max_length).sum()) / total if total else 0.0,
    }


def rows_cut(statistics: Statistics, max_length: int) -> list[int]:
    """Return the rows with more than `max_length` tokens."""
    return _numbers(statistics.parts["tokens"].arrays["tokens"] > max_length)


def refused_rows(statistics: Statistics) -> list[int]:
    """Return the rows that the model's chat template refuses."""
    return [int(row) for row in statistics.parts["tokens"].arrays.get("refused_rows", ())]


def _in_bin(part: Part, chart: str, number: int) -> list[int]:
    edges = part.figures[chart]["histogram"]["edges"]
    if not 0 <= number < len(edges) - 1:
        raise IndexError(number)
    values = part.arrays[chart]
    return _numbers((values >= edges[number]) & (values < edges[number + 1]))


def _numbers(which: Array) -> list[int]:
    found: list[int] = np.flatnonzero(which).tolist()
    return found
