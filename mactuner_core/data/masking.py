"""Masking on the way from file to dataset: rows in batches, found by several processes, replaced by one.

Finding is most of the work and needs no memory of other rows; replacing gives the pseudonyms, which must stay the same for
the same person through the whole dataset. Every changed row is scanned a second time, by the same processes.
"""

from __future__ import annotations

import itertools
import multiprocessing
import signal
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import nullcontext
from typing import Any, NamedTuple

from mactuner_core.data.privacy import Masker, Span
from mactuner_core.data.row_text import edit_texts, texts
from mactuner_core.data.rows import Example, Rejected

Row = Example | Rejected
Found = dict[int, list[Span]]

BATCH_ROWS = 5000
PARALLEL_FROM_BATCHES = 4  # fewer are done sooner than other processes have started


class Batch(NamedTuple):
    """Some rows, all their texts, and for each row how many texts there are up to its end."""

    rows: list[Row]
    said: list[str]
    ends: list[int]


def mask_rows(
    rows: Iterable[Row], masker: Masker, workers: int, on_left: Callable[[int], None] | None = None
) -> Iterator[Row]:
    """Yield `rows` masked by `masker`; a row with data that its policy drops comes back as Rejected.

    `on_left` gets the number of finds of a second scan over the changed rows of a batch: 0 where all is well.
    """
    batches = _batches(rows)
    first = list(itertools.islice(batches, PARALLEL_FROM_BATCHES))
    several = workers > 1 and len(first) == PARALLEL_FROM_BATCHES
    pool = _workers(workers) if several else nullcontext(_Here())
    ahead = workers + 1 if several else 0
    scanned: deque[tuple[Batch, Future[Found]]] = deque()
    checks: deque[Future[int]] = deque()
    with pool as executor:
        for batch in itertools.chain(first, batches):
            scanned.append((batch, executor.submit(masker.scan, batch.said)))
            if len(scanned) > ahead:
                yield from _finish(*scanned.popleft(), masker, executor, checks, on_left)
        while scanned:
            yield from _finish(*scanned.popleft(), masker, executor, checks, on_left)
        while checks and on_left:
            on_left(checks.popleft().result())


def _workers(count: int) -> ProcessPoolExecutor:
    """Return a pool whose processes leave Ctrl-C to the one that started them."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))


class _Here(Executor):
    """Does at once, in this process, what a pool would do elsewhere."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _finish(
    batch: Batch,
    found: Future[Found],
    masker: Masker,
    executor: Executor,
    checks: deque[Future[int]],
    on_left: Callable[[int], None] | None,
) -> Iterator[Row]:
    finished = _masked(batch, found.result(), masker)
    # A row that was not changed is saved as it was scanned; a changed one is new, and scanned again as a whole.
    changed = [after for before, after in zip(batch.rows, finished, strict=True) if after is not before]
    if on_left and changed:
        checks.append(executor.submit(_left_in, masker, [row.as_row() for row in changed if isinstance(row, Example)]))
        while checks and checks[0].done():
            on_left(checks.popleft().result())
    yield from finished


def _left_in(masker: Masker, rows: list[dict[str, Any]]) -> int:
    return len(masker.rescan(rows))


def _batches(rows: Iterable[Row]) -> Iterator[Batch]:
    iterator = iter(rows)
    while some := list(itertools.islice(iterator, BATCH_ROWS)):
        said: list[str] = []
        ends: list[int] = []
        for row in some:
            if isinstance(row, Example):
                said += texts(row)
            ends.append(len(said))
        yield Batch(some, said, ends)


def _masked(batch: Batch, found: Found, masker: Masker) -> list[Row]:
    """Return the rows of a batch with the finds in them; `found` counts the texts of the batch from 0, in their order."""
    rows = list(batch.rows)
    for place in dict.fromkeys([bisect_right(batch.ends, number) for number in found]):
        row = rows[place]
        assert isinstance(row, Example)  # noqa: S101 (another row has no texts)
        rows[place] = _mask_row(row, batch.said, batch.ends[place - 1] if place else 0, found, masker)
    return rows


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
