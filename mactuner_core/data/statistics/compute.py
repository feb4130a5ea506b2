"""Counting all figures in one pass over the rows, or finding them where they were kept.

The parts ("rows", "tokens", "words") are kept apart: for another model only the tokens are counted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.records import Record
from mactuner_core.data.rows import Example
from mactuner_core.data.statistics.collect import RowCounter
from mactuner_core.data.statistics.part import Part, Statistics
from mactuner_core.data.statistics.source import Row, given_rows, read_rows
from mactuner_core.data.statistics.store import SPLITS, load_part, part_folder, save_part, tokenizer_mark
from mactuner_core.data.statistics.tokens import Render, TokenCounter
from mactuner_core.data.statistics.words import count_words, sample_numbers
from mactuner_core.errors import InputError
from mactuner_core.workspace import is_complete

Progress = Callable[[int], None]
Rows = Sequence[Example | Record | Mapping[str, Any]]

REPORT_EVERY = 2000  # rows between two calls of on_progress


def compute(
    examples: Rows,
    validation: Rows = (),
    *,
    tokenizer_folder: Path | None = None,
    render: Render | None = None,
    words: bool = False,
    on_progress: Progress | None = None,
) -> Statistics:
    """Return the figures of rows in memory: examples, or records of a file as they are before that.

    Tokens are counted when there is a `tokenizer_folder` (a model's), with what `render`, its chat template, adds to each
    row; words when asked for. Keeps nothing on disk. Raises InputError for a folder without a fast tokenizer.
    """

    def rows() -> Iterator[Row]:
        yield from given_rows(examples)
        yield from given_rows(validation)

    tokens = TokenCounter(tokenizer_folder, render) if tokenizer_folder else None
    counter = RowCounter()
    _count(rows(), counter, tokens, on_progress)
    parts = {"rows": counter.finish(len(examples))}
    if tokens:
        parts["tokens"] = tokens.finish()
    if words:
        count = len(examples) + len(validation)
        wanted = set(sample_numbers(count))
        parts["words"] = count_words(((n, row) for n, row in enumerate(rows()) if n in wanted), count)
    return Statistics(parts)


def statistics_of(
    version: DatasetVersion,
    *,
    tokenizer_folder: Path | None = None,
    render: Render | None = None,
    words: bool = False,
    on_progress: Progress | None = None,
) -> Statistics:
    """Return the figures of a dataset version, counted now where they were not counted before, and kept for the next time.

    Takes what `compute` takes; memory stays small however large the version is. Raises InputError when the version is
    damaged.
    """
    folders = _folders(version, tokenizer_folder, render, words)
    parts = {name: part for name, folder in folders.items() if (part := load_part(folder))}
    if len(parts) == len(folders):
        return Statistics(parts)
    if not is_complete(Path(version.path)):
        raise InputError("data.dataset_gone", dataset=version.id, path=version.path)
    missing = folders.keys() - parts.keys()
    parts |= _count_version(version, missing, tokenizer_folder, render, on_progress)
    if "words" in missing:
        parts["words"] = _words(version)
    for name in missing:
        save_part(folders[name], parts[name])
    return Statistics(parts)


def kept_tokens(version: DatasetVersion, tokenizer_folder: Path, render: Render | None) -> Part | None:
    """Return the part "tokens" when `statistics_of` counted it before; takes milliseconds and counts nothing."""
    return load_part(_folders(version, tokenizer_folder, render, words=False)["tokens"])


def _folders(
    version: DatasetVersion, tokenizer_folder: Path | None, render: Render | None, words: bool
) -> dict[str, Path]:
    folders = {"rows": part_folder(version, "rows")}
    if tokenizer_folder:
        mark = f"{tokenizer_mark(tokenizer_folder)} {render is not None}"
        folders["tokens"] = part_folder(version, "tokens", mark)
    if words:
        folders["words"] = part_folder(version, "words")
    return folders


def _count_version(
    version: DatasetVersion,
    missing: set[str],
    tokenizer_folder: Path | None,
    render: Render | None,
    on_progress: Progress | None,
) -> dict[str, Part]:
    """Return the missing ones of the parts "rows" and "tokens", from one pass over the files."""
    counter = RowCounter() if "rows" in missing else None
    tokens = TokenCounter(tokenizer_folder, render) if tokenizer_folder and "tokens" in missing else None
    if not counter and not tokens:
        return {}
    files = [Path(version.path) / split for split in SPLITS]
    rows = (row for file in files for row in read_rows(file, version.id))
    _count(rows, counter, tokens, on_progress)
    parts = {}
    if counter:
        parts["rows"] = counter.finish(version.train_rows, sum(file.stat().st_size for file in files))
    if tokens:
        parts["tokens"] = tokens.finish()
    return parts


def _count(
    rows: Iterator[Row], counter: RowCounter | None, tokens: TokenCounter | None, on_progress: Progress | None
) -> None:
    number = 0
    try:
        for number, row in enumerate(rows, start=1):
            if counter:
                counter.add(row)
            if tokens:
                tokens.add(row)
            if on_progress and number % REPORT_EVERY == 0:
                on_progress(number)
    except BaseException:
        if tokens:
            tokens.close()
        raise
    if on_progress:
        on_progress(number)


def _words(version: DatasetVersion) -> Part:
    total = version.train_rows + version.validation_rows
    wanted = set(sample_numbers(total))

    def sampled() -> Iterator[tuple[int, Row]]:
        for split, before in zip(SPLITS, (0, version.train_rows), strict=True):
            own = {number - before for number in wanted}
            for row in read_rows(Path(version.path) / split, version.id, own):
                yield before + row.line - 1, row

    return count_words(sampled(), total)
