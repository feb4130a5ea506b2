"""Plain texts as rows for continued pre-training: every token is learned, and EOS says where a text ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mactuner_core.errors import SettingProblem
from mactuner_core.training.loss_mask import Example
from mactuner_core.training.rows import LeftOut, Prepared

CHUNK = 256  # texts tokenised at a time


def prepare_texts(
    tokenizer: Any,
    texts: Sequence[str],
    max_length: int,
    on_row: Callable[[int], None] | None = None,
    *,
    join: bool = True,
) -> Prepared:
    """Tokenise `texts`, each with EOS behind it, into rows of at most `max_length` tokens; only a row of one token is thrown away.

    With `join` the texts follow one another and rows are full, as in pre-training; otherwise every text begins its own
    row. A long text goes on in the next row and counts as cut.
    """
    prepared = Prepared()
    pieces: list[list[int]] = []
    for start in range(0, len(texts), CHUNK):
        encoded = tokenizer([text.strip() for text in texts[start : start + CHUNK]])["input_ids"]
        for number, ids in enumerate(encoded, start=start + 1):
            whole = _ended(list(ids), tokenizer.eos_token_id)
            if not texts[number - 1].strip() or len(whole) < 2:
                prepared.left_out.append(LeftOut(number, SettingProblem("training.row_empty_text", {})))
                continue
            pieces.append(whole)
            prepared.rows_used += 1
            prepared.rows_cut += len(whole) > max_length
        if on_row:
            on_row(min(start + CHUNK, len(texts)))
    rows = _filled(pieces, max_length) if join else (part for ids in pieces for part in _cut(ids, max_length))
    prepared.examples = [Example(ids, list(ids)) for ids in rows if len(ids) > 1]
    return prepared


def _ended(ids: list[int], end: int | None) -> list[int]:
    return ids if end is None or ids[-1:] == [end] else [*ids, end]


def _filled(pieces: Iterable[list[int]], size: int) -> Iterable[list[int]]:
    row: list[int] = []
    for ids in pieces:
        row += ids
        while len(row) >= size:
            yield row[:size]
            row = row[size:]
    yield row


def _cut(ids: list[int], size: int) -> Iterable[list[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
