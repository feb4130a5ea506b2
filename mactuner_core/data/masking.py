"""Masking on the way from file to dataset: rows in batches, found by several processes, replaced by one.

Finding is most of the work and needs no memory of other rows; replacing gives the pseudonyms, which must stay the same for
the same person through the whole dataset.
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor

from mactuner_core.data.privacy import Masker, Span
from mactuner_core.data.row_text import edit_texts, texts
from mactuner_core.data.rows import Example, Rejected

Row = Example | Rejected
Found = dict[int, list[Span]]

BATCH_ROWS = 5000
PARALLEL_FROM_BATCHES = 4  # fewer are done sooner than other processes have started


def mask_rows(rows: Iterable[Row], masker: Masker, workers: int) -> Iterator[Row]:
    """Yield `rows` masked by `masker`; a row with data that its policy drops comes back as Rejected."""
    batches = _batches(rows)
    first = list(itertools.islice(batches, PARALLEL_FROM_BATCHES))
    if workers < 2 or len(first) < PARALLEL_FROM_BATCHES:
        for batch in itertools.chain(first, batches):
            said = _texts_of(batch)
            yield from _masked(batch, said, masker.scan(said), masker)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting: deque[tuple[list[Row], list[str], Future[Found]]] = deque()
        for batch in itertools.chain(first, batches):
            said = _texts_of(batch)
            waiting.append((batch, said, pool.submit(masker.scan, said)))
            if len(waiting) > workers + 1:
                yield from _next(waiting, masker)
        while waiting:
            yield from _next(waiting, masker)


def _next(waiting: deque[tuple[list[Row], list[str], Future[Found]]], masker: Masker) -> Iterator[Row]:
    batch, said, found = waiting.popleft()
    yield from _masked(batch, said, found.result(), masker)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, BATCH_ROWS)):
        yield batch


def _texts_of(batch: list[Row]) -> list[str]:
    return [said for row in batch if isinstance(row, Example) for said in texts(row)]


def _masked(batch: list[Row], said: list[str], found: Found, masker: Masker) -> Iterator[Row]:
    """Put the finds of a batch into its rows; `found` counts the texts of the batch from 0."""
    if not found:
        yield from batch
        return
    number = 0
    for row in batch:
        if not isinstance(row, Example):
            yield row
            continue
        count = sum(1 for _ in texts(row))
        here = {index: found[index] for index in range(number, number + count) if index in found}
        yield _mask_row(row, said, number, here, masker) if here else row
        number += count


def _mask_row(row: Example, said: list[str], start: int, found: Found, masker: Masker) -> Row:
    numbers = itertools.count(start)
    dropped = False

    def edit(_: str) -> str:
        nonlocal dropped
        number = next(numbers)
        masked = masker.apply(said[number], found.get(number, []))
        dropped = dropped or masked.dropped
        return masked.text

    edited = edit_texts(row, edit)
    return Rejected(row.line, "data.row_personal", {}) if dropped else edited
