"""What goes into one batch: every next token first, then guesses to check, then prompts as far as the budget reaches."""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import Literal

from serving.engine.context import AT_ONCE, EXTRA_OUTPUTS, Batch
from serving.engine.generation import Tokens
from serving.engine.lookup import LONGEST_DRAFT, Costs, Lookup, best_length
from serving.engine.sequence import Sequence

_DRAFT_WHEN_ON = 8  # guesses at once when speculation is simply on
_WORTH_A_TURN = 256  # prompt tokens; more at once are hardly quicker each


class Pause:
    """Turns that only read prompts, between one token of the answers and the next: `room` tokens at most, all together.

    What is read is a pause for the answers. Few long pauses let everybody finish sooner than many short ones, and llama.cpp reads
    one prompt after the other faster than several together.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._left = 0

    @property
    def budget(self) -> int:
        """The prompt tokens that the next turn may take."""
        return self._left or self._room

    def group(self, group: list[Sequence]) -> list[Sequence]:
        """Return the sequences of the next turn: in a pause those alone that read."""
        reading = [sequence for sequence in group if not sequence.writing]
        return reading if reading and self._left else group

    def note(self, group: Many[Sequence], prompt_tokens: int, tokens: int) -> None:
        """Take note of a turn of so many `tokens`; one in which answers got a token and prompts were read begins a pause."""
        if any(sequence.writing for sequence in group):
            self._left = self._room - tokens if prompt_tokens else 0
        else:
            self._left = max(0, self._left - prompt_tokens)


def draft(group: Many[Sequence], speculation: Literal["auto", "on", "off"], costs: Costs, longest: int) -> None:
    """Guess the next tokens of the sequences that write, as many as pay."""
    writing = [sequence for sequence in group if sequence.writing]
    left = EXTRA_OUTPUTS if len(writing) == len(group) else 0  # a turn with prompts is long enough
    rows = len(writing)
    for sequence in group:
        sequence.draft, sequence.guess = [], -1
    if speculation == "off":
        return
    for sequence in writing:
        lookup = sequence.lookup = sequence.lookup or Lookup()
        generation = sequence.generation
        room = min(generation.max_tokens - sequence.made, longest - len(sequence.tokens)) - 1
        most = min(LONGEST_DRAFT, left, room)
        found = lookup.draft(sequence.tokens, max(1, most))
        if not found:
            continue
        sequence.guess = found[0]  # compared with what comes, so that the estimate learns without a cost
        if speculation == "on":
            length = min(_DRAFT_WHEN_ON, most)
        else:
            length = best_length(lookup.rate, rows, min(most, len(found)), costs)
        sequence.draft = found[: max(0, length)]
        left -= len(sequence.draft)
        rows += len(sequence.draft)


def fill(batch: Batch, group: Many[Sequence], budget: int) -> int:
    """Put tokens into the batch, at most `budget` of prompts, and return how many prompt tokens there are.

    A turn takes what goes through the model together, so that a client that leaves or comes is noticed soon, and ends with a
    prompt that is whole as soon as that is worth a turn: its answer need not wait for the next ones' prompts. Short prompts go
    before long ones, and those before newer ones: a short one is not worth the wait, and the oldest gets through first, which on
    average answers sooner than equal shares. A prompt that is longer than what is left waits for a turn of its own: two that
    are of different lengths by then are slower together.
    """
    for sequence in group:
        sequence.taken, sequence.row, sequence.output, sequence.outputs = 0, -1, -1, 0
    writes = sum(1 + len(sequence.draft) for sequence in group if sequence.writing)
    left = whole = min(budget, batch.room - writes, AT_ONCE)
    outputs = EXTRA_OUTPUTS
    prompts = [sequence for sequence in group if not sequence.writing]
    for sequence in sorted(prompts, key=lambda one: len(one.pending) > whole // 4):
        if left < whole and len(sequence.pending) > left:
            break
        sequence.taken = min(len(sequence.pending), left)
        if sequence.generation.prompt_logprobs:
            sequence.taken = min(sequence.taken, outputs)
            outputs -= sequence.taken
        left -= sequence.taken
        if whole - left >= _WORTH_A_TURN and sequence.taken == len(sequence.pending):
            break
    batch.clear()
    for sequence in sorted(group, key=lambda one: one.id):  # llama.cpp joins neighbours only, and in this order
        if sequence.writing:
            _add(batch, sequence, [*sequence.pending.tolist(), *sequence.draft], 1 + len(sequence.draft))
        elif sequence.taken:
            every = sequence.generation.prompt_logprobs
            wanted = sequence.taken if every else int(sequence.taken == len(sequence.pending))
            _add(batch, sequence, sequence.pending[: sequence.taken], wanted)
    return whole - left


def _add(batch: Batch, sequence: Sequence, tokens: Tokens | list[int], wanted: int) -> None:
    sequence.taken = len(tokens)
    row, output = batch.add(sequence.id, sequence.length, tokens, wanted)
    if wanted:
        sequence.row, sequence.output, sequence.outputs = row, output, wanted
