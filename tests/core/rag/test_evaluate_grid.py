"""The grid: every combination once, each index built once, and a best row that a person can defend."""

from __future__ import annotations

import json

import pytest

from mactuner_core.errors import ConfigError
from mactuner_core.rag.evaluate import Question
from mactuner_core.rag.grid import GridConfig, best_row, run_grid

QUESTIONS = [Question(f"q{number}", (str(number),)) for number in range(20)]
CONFIG = GridConfig(chunk_tokens=[256, 512], overlap_percent=[0, 10], method=["lexical", "hybrid"], k=[5, 1])


def search(index: tuple[int, int], method: str, question: str, k: int) -> list[str]:
    """Hybrid finds everything at rank 1, lexical at rank 3, and with chunks of 256 not the first two questions."""
    right = question[1:]
    if index[0] == 256 and right in ("0", "1"):
        return ["wrong"] * k
    return ([right] if method == "hybrid" else ["wrong", "wrong", right])[:k]


def test_every_combination_is_a_row_and_every_index_is_built_once() -> None:
    built: list[tuple[int, int]] = []
    asked: list[int] = []

    def build(chunk_tokens: int, overlap_percent: int) -> tuple[int, int]:
        built.append((chunk_tokens, overlap_percent))
        return built[-1]

    def counted(index: tuple[int, int], method: str, question: str, k: int) -> list[str]:
        asked.append(k)
        return search(index, method, question, k)

    seen: list[tuple[int, int]] = []
    rows = run_grid(CONFIG, QUESTIONS, build, counted, on_progress=lambda done, total: seen.append((done, total)))
    assert built == [(256, 0), (256, 10), (512, 0), (512, 10)]
    assert asked == [5] * (4 * 2 * len(QUESTIONS))
    assert len({(r.chunk_tokens, r.overlap_percent, r.method, r.k) for r in rows}) == len(rows) == 4 * 2 * 2
    assert seen == [(done, 8) for done in range(1, 9)]


def test_a_row_holds_what_a_table_and_a_chart_need() -> None:
    rows = run_grid(CONFIG, QUESTIONS, lambda *index: index, search)
    flat = {(r["chunk_tokens"], r["method"], r["k"]): r for r in json.loads(json.dumps([r.as_dict() for r in rows]))}
    assert flat[512, "lexical", 5]["recall"] == 1 and flat[512, "lexical", 1]["recall"] == 0
    assert flat[512, "lexical", 5]["mrr"] == pytest.approx(1 / 3, abs=1e-4)
    assert flat[256, "hybrid", 5]["recall"] == 0.9 and flat[256, "hybrid", 5]["recall_low"] < 0.9
    assert flat[512, "lexical", 5]["context_tokens"] == 2560
    assert all(isinstance(value, (int, float, str)) for value in flat[256, "hybrid", 5].values())


def test_the_best_row_is_the_cheapest_of_those_that_are_as_good() -> None:
    rows = run_grid(CONFIG, QUESTIONS, lambda *index: index, search)
    best = best_row(rows)
    assert (best.chunk_tokens, best.method, best.k) == (512, "hybrid", 1)
    worse = [row for row in rows if row.method == "lexical"]
    assert (best_row(worse).chunk_tokens, best_row(worse).k) == (512, 5)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"chunk_tokens": [64]}, ["chunk_tokens", "64", "128"]),
        ({"overlap_percent": [60]}, ["overlap_percent", "60", "50"]),
        ({"k": [0]}, ["k holds 0", "20"]),
        ({"k": []}, ["k holds []"]),
        ({"method": ["bm25"]}, ["bm25", "hybrid"]),
        ({"method": []}, ["method"]),
    ],
)
def test_what_is_out_of_range_is_named_with_the_range(values: dict[str, object], named: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        GridConfig.check(values)
    assert all(word in caught.value.text("en") for word in named), caught.value.text("en")
    assert caught.value.text("ko")
