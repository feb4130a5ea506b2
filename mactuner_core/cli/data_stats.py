"""`mactuner data stats`: the figures of a dataset version, to read or as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.data.statistics.compute import statistics_of
from mactuner_core.data.statistics.part import Statistics
from mactuner_core.data.statistics.select import cut_by
from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes
from mactuner_core.messages import text
from mactuner_core.models.folder_template import folder_renderer
from mactuner_core.workspace import open_workspace

HISTOGRAM_LINES = 12
HISTOGRAM_WIDTH = 32
SHOWN_WORDS = 24
SHOWN_EXTREMES = 3
MANY_ROWS = 20_000  # from here on a progress bar is worth its line

ModelOption = Annotated[str | None, typer.Option("--model", help=text("statistics.model_help"))]
LimitOption = Annotated[int | None, typer.Option("--max-length", min=1, help=text("statistics.max_length_help"))]
WordsOption = Annotated[bool, typer.Option("--words", help=text("statistics.words_help"))]


def add_to(group: typer.Typer) -> None:
    """Add the command to the group `data`."""
    group.command("stats", help=text("statistics.stats_help"))(stats)


def stats(
    dataset: str,
    model: ModelOption = None,
    max_length: LimitOption = None,
    words: WordsOption = False,
    json: JsonOption = False,
) -> None:
    if max_length and not model:
        raise InputError("statistics.limit_needs_model", max_length=max_length)
    catalog = open_catalog(open_workspace())
    version = catalog.dataset(dataset)
    folder = Path(catalog.model(model).path) if model else None
    render = folder_renderer(folder) if folder else None
    with _progress(version.train_rows + version.validation_rows) as on_progress:
        found = statistics_of(version, tokenizer_folder=folder, render=render, words=words, on_progress=on_progress)
    cut = cut_by(found, max_length) if max_length else None
    if json:
        emit_json({"id": version.id, "model": model, "max_length": cut, **found.as_dict()})
        return
    _show_rows(version.id, found)
    if tokens := found.figures("tokens"):
        _show_lengths("statistics.tokens", tokens["tokens"])
        if tokens.get("refused"):
            show(text("statistics.refused", rows=tokens["refused"], reason=tokens["refused_reason"]))
    if cut:
        values = {"rows": cut["rows"], "share": f"{cut['share']:.1%}", "tokens": f"{cut['tokens_share']:.1%}"}
        show(text("statistics.cut", max_length=cut["max_length"], **values))
    _show_parts(found)
    _show_faults(found.rows)
    if figures := found.figures("words"):
        _show_words(figures)


def _show_rows(dataset: str, found: Statistics) -> None:
    rows = found.rows
    split = {"train": rows["train_rows"], "validation": rows["validation_rows"]}
    sizes = {"file": human_bytes(rows["file_bytes"]), "memory": human_bytes(rows["memory_bytes"])}
    columns = ", ".join(column["name"] for column in rows["columns"]) or "–"
    show(text("statistics.summary", id=dataset, rows=rows["rows"], **split, **sizes, columns=columns))
    _show_lengths("statistics.characters", rows["characters"])
    if rows["turns"]["min"] != rows["turns"]["max"]:
        _show_lengths("statistics.turns", rows["turns"])


def _show_lengths(title: str, figures: Mapping[str, Any]) -> None:
    show()
    if figures["mean"] is None:
        show(f"{text(title)}: –")
        return
    shares = figures["percentiles"]
    values = {"least": figures["min"], "median": shares["50"], "most": figures["max"]}
    show(
        text("statistics.lengths", title=text(title), mean=figures["mean"], p5=shares["5"], p95=shares["95"], **values)
    )
    for line in histogram_lines(figures["histogram"]):
        show(f"  {line}")


def histogram_lines(histogram: Mapping[str, Any]) -> list[str]:
    """Return a histogram as lines of text, at most HISTOGRAM_LINES: range, bar, number of rows."""
    edges: Sequence[int] = histogram["edges"]
    counts: Sequence[int] = histogram["counts"]
    step = max(1, math.ceil(len(counts) / HISTOGRAM_LINES))
    lines = []
    for first in range(0, len(counts), step):
        after = min(first + step, len(counts))
        is_open = histogram["open_end"] and after == len(counts)
        low, high = edges[first], edges[after] - 1
        label = f"{low:,}+" if is_open else f"{low:,}" if low == high else f"{low:,}–{high:,}"
        lines.append((label, sum(counts[first:after])))
    most = max((count for _, count in lines), default=1)
    width = max((len(label) for label, _ in lines), default=0)
    return [f"{label:>{width}} {_bar(count / most)} {count:,}" for label, count in lines]


def _bar(share: float) -> str:
    """Return a bar of HISTOGRAM_WIDTH characters; a share above nothing is at least a thin line."""
    eighths = math.ceil(share * HISTOGRAM_WIDTH * 8)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()).ljust(HISTOGRAM_WIDTH)


def _show_parts(found: Statistics) -> None:
    tokens = {part["name"]: part["tokens"] for part in (found.figures("tokens") or {"parts": []})["parts"]}
    columns = ["statistics.said_by", "statistics.texts_said", "statistics.characters_said"]
    rows = [
        (part["name"], part["texts"], part["characters"], *([tokens[part["name"]]] if tokens else []))
        for part in found.rows["parts"]
    ]
    show()
    show_table([*columns, *(["statistics.tokens_said"] if tokens else [])], rows)


def _show_faults(rows: Mapping[str, Any]) -> None:
    """Show what may be wrong: missing values, duplicates, overlap, and rows of odd length."""
    for column in rows["columns"]:
        if column["missing"]:
            values = {"column": column["name"], "rows": column["missing"], "share": f"{column['missing_share']:.1%}"}
            show(text("statistics.missing_in", **values))
    copies = rows["duplicates"]
    show(text("statistics.duplicates", exact=copies["exact"], normalised=copies["normalised"]))
    if rows["validation_rows"]:
        overlap = rows["overlap"]
        show(text("statistics.overlap", exact=overlap["exact"], normalised=overlap["normalised"]))
    for name in ("longest", "shortest"):
        places = [f"{each['split']}:{each['line']} ({each['characters']:,})" for each in rows[name][:SHOWN_EXTREMES]]
        show(text(f"statistics.{name}", rows=", ".join(places) or "–"))


def _show_words(figures: Mapping[str, Any]) -> None:
    show()
    show(text("statistics.words_of", sample=figures["sample_rows"], rows=figures["total_rows"]))
    show("  " + " · ".join(f"{word['word']} {word['times']:,}" for word in figures["words"][:SHOWN_WORDS]))


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[int], None] | None]:
    """Give what shows how many of `rows` are counted, on stderr; nothing for a small dataset."""
    if rows < MANY_ROWS:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(text("statistics.counting"), total=rows)
        yield lambda done: progress.update(task, completed=done)
