"""A grid over chunk size, overlap, search method and k: every combination is measured on the same questions.

Each index is built once for its chunk size and overlap and searched once for each method; smaller k are read off the longest
list. Building and searching come from outside, so that the embeddings already cached are used again.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from mactuner_core.config import Config, setting
from mactuner_core.errors import SettingProblem
from mactuner_core.rag.evaluate import Question, Report, evaluate, same
from mactuner_core.rag.measures import Measure

Index = TypeVar("Index")
Found = TypeVar("Found")
Source = TypeVar("Source")

METHODS = ("lexical", "dense", "hybrid")
LIMITS: dict[str, tuple[int, int]] = {"chunk_tokens": (128, 2048), "overlap_percent": (0, 50), "k": (1, 20)}


class GridConfig(Config):
    """What to try: every combination of the values in these lists."""

    chunk_tokens: list[int] = setting(
        [256, 512],
        label={"en": "Chunk sizes", "ko": "청크 크기"},
        help={"en": "In tokens, 128 to 2,048 each.", "ko": "토큰 수. 각각 128–2,048."},
        unit="tokens",
    )
    overlap_percent: list[int] = setting(
        [0, 10],
        label={"en": "Overlaps", "ko": "겹침"},
        help={"en": "In percent of the chunk size, 0 to 50 each.", "ko": "청크 크기에 대한 비율(%). 각각 0–50."},
        unit="%",
    )
    method: list[str] = setting(
        list(METHODS),
        label={"en": "Methods", "ko": "검색 방법"},
        help={"en": "Any of lexical, dense and hybrid.", "ko": "lexical, dense, hybrid 가운데 고릅니다."},
    )
    k: list[int] = setting(
        [3, 5, 10],
        label={"en": "Hits (k)", "ko": "결과 수 (k)"},
        help={"en": "How many hits are looked at, 1 to 20 each.", "ko": "살펴볼 결과의 수. 각각 1–20."},
    )

    def problems(self) -> list[SettingProblem]:
        """Return the lists that are empty or hold what is out of range."""
        found = []
        for name, (low, high) in LIMITS.items():
            values = getattr(self, name)
            wrong = [value for value in values if not low <= value <= high]
            if wrong or not values:
                given = wrong[0] if wrong else "[]"
                found.append(
                    SettingProblem(
                        "rag_evaluate.grid_range", {"name": name, "value": given, "minimum": low, "maximum": high}
                    )
                )
        wrong_methods = [method for method in self.method if method not in METHODS]
        if wrong_methods or not self.method:
            values_said = {"name": "method", "value": wrong_methods[0] if wrong_methods else "[]"}
            found.append(SettingProblem("config.not_a_choice", {**values_said, "allowed": ", ".join(METHODS)}))
        return found

    @property
    def builds(self) -> list[tuple[int, int]]:
        """The pairs of chunk size and overlap, each once: so many indexes are built."""
        return list(itertools.product(dict.fromkeys(self.chunk_tokens), dict.fromkeys(self.overlap_percent)))


@dataclass(frozen=True)
class Row:
    """One combination. `context_tokens` is the most that its hits can put into a prompt: k times the chunk size."""

    chunk_tokens: int
    overlap_percent: int
    method: str
    k: int
    context_tokens: int
    recall: Measure
    mrr: Measure
    ndcg: Measure
    build_s: float
    search_ms: float

    def as_dict(self) -> dict[str, Any]:
        """Return one flat JSON-ready row for a table or a chart; the recall with the ends of its 95 % interval."""
        means = {name: getattr(self, name).mean for name in ("recall", "mrr", "ndcg")}
        ends = {"recall_low": self.recall.low, "recall_high": self.recall.high}
        return {**asdict(self), **means, **ends}


def run_grid(
    config: GridConfig,
    questions: Sequence[Question[Source]],
    build: Callable[[int, int], Index],
    search: Callable[[Index, str, str, int], Sequence[Found]],
    *,
    matches: Callable[[Found, Source], bool] = same,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Measure every combination and return one row each, in the order of the lists.

    `build(chunk_tokens, overlap_percent)` makes an index, `search(index, method, question, k)` returns its hits, best first.
    Progress counts the methods of all indexes. Raises what they raise, and ValueError when there is no question.
    """
    rows = []
    ks = sorted(set(config.k))
    methods = list(dict.fromkeys(config.method))
    total = len(config.builds) * len(methods)
    for number, (chunk_tokens, overlap_percent) in enumerate(config.builds):
        start = time.perf_counter()
        index = build(chunk_tokens, overlap_percent)
        build_s = time.perf_counter() - start
        for step, method in enumerate(methods, start=1):
            report = evaluate(_asking(search, index, method, ks[-1]), questions, ks, matches=matches)
            rows += [_row(report, chunk_tokens, overlap_percent, method, k, build_s) for k in ks]
            on_progress(number * len(methods) + step, total)
    return rows


def best_row(rows: Sequence[Row]) -> Row:
    """Return the row to use: of those whose recall does not lie clearly below the best, the one with the least context.

    Not clearly below: it is at least the lower end of the best recall's interval. Equal contexts are decided by nDCG. Raises
    ValueError when there is no row.
    """
    best = max(rows, key=lambda row: (row.recall.mean, row.ndcg.mean))
    as_good = [row for row in rows if row.recall.mean >= best.recall.low]
    return min(as_good, key=lambda row: (row.context_tokens, -row.ndcg.mean))


def _asking(
    search: Callable[[Index, str, str, int], Sequence[Found]], index: Index, method: str, k: int
) -> Callable[[str], Sequence[Found]]:
    return lambda question: search(index, method, question, k)


def _row(report: Report[Source], chunk_tokens: int, overlap_percent: int, method: str, k: int, build_s: float) -> Row:
    return Row(
        chunk_tokens=chunk_tokens,
        overlap_percent=overlap_percent,
        method=method,
        k=k,
        context_tokens=k * chunk_tokens,
        recall=report.measure(f"recall@{k}"),
        mrr=report.measure(f"mrr@{k}"),
        ndcg=report.measure(f"ndcg@{k}"),
        build_s=round(build_s, 2),
        search_ms=round(1000 * sum(one.seconds for one in report.asked) / len(report.asked), 2),
    )
