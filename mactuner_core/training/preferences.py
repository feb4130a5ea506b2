"""Preference pairs as rows for DPO: the prompt both answers share, and the two answers, in the model's own template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mactuner_core.training.loss_mask import IGNORED, Example, Messages, RowProblemError, build_examples
from mactuner_core.training.rows import LeftOut, Prepared, refuse_dropped_system


@dataclass(frozen=True)
class Pair:
    """Token ids of one pair: `prompt` stands before both answers."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


def prepare_pairs(
    tokenizer: Any,
    rows: Sequence[tuple[Messages, Messages]],
    max_length: int,
    on_row: Callable[[int], None] | None = None,
) -> Prepared:
    """Tokenise pairs of (chosen, rejected) conversations and cut both sides at `max_length` tokens.

    A pair whose sides differ before the last answer is left out: which turn was preferred is not known. So is one with
    nothing left of an answer. Raises InputError when the template drops a system prompt.
    """
    prepared = Prepared()
    for number, (chosen, rejected) in enumerate(rows, start=1):
        try:
            pair = _pair(tokenizer, chosen, rejected)
            room = max_length - len(pair.prompt)
            if room <= 0:
                longest = len(pair.prompt) + max(len(pair.chosen), len(pair.rejected))
                raise RowProblemError("training.row_too_long", tokens=longest, max_length=max_length)
            prepared.examples.append(Pair(pair.prompt, pair.chosen[:room], pair.rejected[:room]))
            prepared.rows_used += 1
            prepared.rows_cut += max(len(pair.chosen), len(pair.rejected)) > room
        except RowProblemError as problem:
            prepared.left_out.append(LeftOut(number, problem.problem))
        if on_row:
            on_row(number)
    refuse_dropped_system(prepared)
    return prepared


def _pair(tokenizer: Any, chosen: Messages, rejected: Messages) -> Pair:
    if [dict(one) for one in chosen[:-1]] != [dict(one) for one in rejected[:-1]]:
        raise RowProblemError("training.row_pair_differs_early")
    sides = [_last_answer(build_examples(tokenizer, side)[-1]) for side in (chosen, rejected)]
    (first, begin), (second, other_begin) = sides
    shared = next(
        (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(map(len, (first, second)))
    )
    begin = min(begin, other_begin, shared)
    if begin == 0 or begin >= min(len(first), len(second)):
        raise RowProblemError("training.row_unclear")
    return Pair(first[:begin], first[begin:], second[begin:])


def _last_answer(example: Example) -> tuple[list[int], int]:
    """Return the ids of a conversation and where its last answer begins."""
    begin = len(example.labels)
    while begin and example.labels[begin - 1] != IGNORED:
        begin -= 1
    return example.input_ids, begin
