"""Continuous batching: which tokens go into the next batch, and what comes out of it. One thread, no waiting, no HTTP.

Each turn: drop what was cancelled, admit waiting requests while there is a free sequence and room, fill one batch with
every running sequence's next token and chunks of waiting prompts, decode, sample each row. When the memory is full the
newest sequence steps back into the queue with what it has made so far, so the others go on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mactuner_core.errors import WorkError
from serving.engine.generation import Delta, Event, Finished, FinishReason, Generation, Tokens
from serving.engine.llama import Context, Model, free_sampler, make_sampler
from serving.engine.text import TextStream

# Prompt tokens in one turn while answers are being written: few enough that a turn stays short for them, enough
# that the matrix multiplications stay efficient.
PROMPT_CHUNK_WHILE_WRITING = 96
_HEADROOM = 64  # cells kept for what a sequence writes next, so that a new one is not sent back at once

Posted = list[tuple[Generation, Event]]


@dataclass(eq=False)
class Sequence:
    """A request in the engine: `prompt` is what must still go into memory before the next token can be sampled."""

    generation: Generation
    prompt: Tokens
    text: TextStream
    sampler: Any
    id: int = -1
    length: int = 0  # tokens in memory
    next_token: int = -1  # sampled and not yet in memory; -1 while the prompt goes in
    made: list[int] = field(default_factory=list)
    taken: int = 0  # tokens of it in this turn's batch
    row: int = -1  # the batch row to sample; -1 when there is none this turn

    @property
    def needed(self) -> int:
        """The cells it takes with its whole prompt and the next few tokens of its answer."""
        coming = min(_HEADROOM, self.generation.max_tokens - len(self.made))
        return self.length + len(self.prompt) + coming


class Scheduler:
    """The requests and the context they share."""

    def __init__(self, model: Model, context: Context, n_parallel: int) -> None:
        self._model = model
        self._context = context
        self._free = list(range(n_parallel - 1, -1, -1))
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []
        self._posted: Posted = []
        self.longest = min(context.cells, model.trained_context or context.cells)

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._waiting or self._running)

    @property
    def counts(self) -> tuple[int, int]:
        """How many requests run and how many wait."""
        return len(self._running), len(self._waiting)

    def add(self, generation: Generation) -> None:
        """Put a request at the end of the queue; its prompt must be shorter than `longest`."""
        sampler = make_sampler(self._model, generation.sampling)
        self._waiting.append(Sequence(generation, generation.tokens, TextStream(generation.stop), sampler))

    def turn(self) -> Posted:
        """Do one turn and return the events of it."""
        self._drop_cancelled()
        self._admit()
        if self._running and self._decode():
            for sequence in [sequence for sequence in self._running if sequence.row >= 0]:
                self._sample(sequence)
        return self._take_posted()

    def fail_all(self, problem: WorkError) -> Posted:
        """End every request with `problem`, start with an empty memory, and return the events not yet returned."""
        self._fail(problem)
        return self._take_posted()

    def _fail(self, problem: WorkError) -> None:
        for sequence in [*self._running, *self._waiting]:
            self._posted.append((sequence.generation, problem))
            self._release(sequence)
        self._context.forget_all()

    def _take_posted(self) -> Posted:
        posted, self._posted = self._posted, []
        return posted

    def _drop_cancelled(self) -> None:
        for sequence in [*self._running, *self._waiting]:
            if sequence.generation.cancelled:
                self._finish(sequence, "cancelled")

    def _admit(self) -> None:
        """Give waiting requests a sequence, first come first served, while their prompts fit beside the others."""
        taken = sum(sequence.needed for sequence in self._running)
        while self._waiting and self._free:
            sequence = self._waiting[0]
            if self._running and taken + sequence.needed > self._context.cells:
                return
            self._waiting.popleft()
            sequence.id = self._free.pop()
            taken += sequence.needed
            self._running.append(sequence)

    def _decode(self) -> bool:
        """Fill and decode one batch; on a full memory take less, then send the newest sequence back and try again."""
        budget = self._prompt_budget()
        while self._running:
            prompt_tokens = self._fill(budget)
            code = self._context.decode()
            if code == 0:
                self._advance()
                return True
            if code != 1:
                self._fail(WorkError("serving.decode_failed", number=code))
                return False
            if prompt_tokens > 1:
                budget = prompt_tokens // 2
            else:
                self._step_back()
        return False

    def _prompt_budget(self) -> int:
        writing = sum(sequence.next_token >= 0 for sequence in self._running)
        room = self._context.batch.room - writing
        return min(room, PROMPT_CHUNK_WHILE_WRITING) if writing else room

    def _fill(self, budget: int) -> int:
        """Put every next token and, in equal shares of `budget`, prompt chunks into the batch; return prompt tokens."""
        batch = self._context.batch
        batch.clear()
        prompts: list[Sequence] = []
        for sequence in self._running:
            if sequence.next_token >= 0:
                sequence.row = batch.add(sequence.id, sequence.length, sequence.next_token)
                sequence.taken = 1
            else:
                sequence.row, sequence.taken = -1, 0
                prompts.append(sequence)
        left = budget
        for number, sequence in enumerate(prompts):
            share = min(len(sequence.prompt), left // (len(prompts) - number))
            if share > 0:
                whole = share == len(sequence.prompt)
                row = batch.add_chunk(sequence.id, sequence.length, sequence.prompt[:share], whole)
                sequence.row, sequence.taken = row if whole else -1, share
                left -= share
        return budget - left

    def _advance(self) -> None:
        """Note what is in memory now."""
        for sequence in self._running:
            sequence.length += sequence.taken
            if sequence.next_token >= 0:
                sequence.next_token = -1
            else:
                sequence.prompt = sequence.prompt[sequence.taken :]

    def _sample(self, sequence: Sequence) -> None:
        token = self._context.sample(sequence.sampler, sequence.row)
        sequence.made.append(token)
        if self._model.is_end(token):
            self._finish(sequence, "stop")
            return
        text = sequence.text.push(self._model.piece(token))
        if text:
            self._posted.append((sequence.generation, Delta(text)))
        if sequence.text.stopped:
            self._finish(sequence, "stop")
        elif len(sequence.made) >= sequence.generation.max_tokens or sequence.length >= self.longest:
            self._finish(sequence, "length")
        else:
            sequence.next_token = token

    def _step_back(self) -> None:
        """Send the newest sequence back to the head of the queue; alone, it has filled the memory and ends."""
        sequence = self._running[-1]
        if len(self._running) == 1:
            self._finish(sequence, "length")
            return
        self._context.forget(sequence.id)
        self._running.remove(sequence)
        self._free.append(sequence.id)
        made = np.asarray(sequence.made, dtype=np.int32)
        sequence.prompt = np.concatenate([sequence.generation.tokens, made])
        sequence.id, sequence.length, sequence.next_token, sequence.row = -1, 0, -1, -1
        self._waiting.appendleft(sequence)

    def _finish(self, sequence: Sequence, reason: FinishReason) -> None:
        if text := sequence.text.finish():
            self._posted.append((sequence.generation, Delta(text)))
        finished = Finished(reason, len(sequence.generation.tokens), len(sequence.made))
        self._posted.append((sequence.generation, finished))
        self._release(sequence)

    def _release(self, sequence: Sequence) -> None:
        free_sampler(sequence.sampler)
        if sequence.id >= 0:
            self._context.forget(sequence.id)
            self._free.append(sequence.id)
            self._running.remove(sequence)
        elif sequence in self._waiting:
            self._waiting.remove(sequence)
