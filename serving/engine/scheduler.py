"""Continuous batching: which tokens go into the next batch, and what comes out of it. One thread, no waiting, no HTTP.

Each turn: drop what was cancelled, admit waiting requests while there is a place and room, fill one batch with every
running sequence's next token (and guesses to check) and chunks of waiting prompts, decode, choose from each row. A full
memory gives up kept prefixes first, then takes smaller chunks, then sends the newest sequence back into the queue with
what it has made so far, so the others go on.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mactuner_core.errors import MacTunerError, WorkError
from serving.engine import filling
from serving.engine.admission import Admission
from serving.engine.context import Context
from serving.engine.generation import Event, FinishReason, Generation, TokenLogprob
from serving.engine.llama import Model
from serving.engine.lookup import Costs
from serving.engine.prefix_cache import PrefixCache
from serving.engine.prefix_store import PrefixStore
from serving.engine.sampling import free_sampler, logprob_of, make_sampler, prepare
from serving.engine.sequence import Sequence

Posted = list[tuple[Generation, Event]]
Speculation = Literal["auto", "on", "off"]
Logits = npt.NDArray[np.float32]

_ADAPTER_TURNS = 4  # turns before another adapter's requests come: changing costs a new computation graph
log = logging.getLogger("serving")


class RequestTimeoutError(WorkError):
    """The answer took longer than the settings allow: HTTP 504."""


@dataclass(frozen=True)
class LiveRequest:
    """A request as one sees it from outside: its label, what happens to it, and how far it is."""

    label: str
    state: Literal["waiting", "reading", "writing"]
    prompt_tokens: int
    completion_tokens: int
    age_s: float


class Scheduler:
    """The requests and the context they share."""

    def __init__(
        self,
        model: Model,
        context: Context,
        n_parallel: int,
        *,
        prefix_cache: bool = True,
        speculation: Speculation = "auto",
        timeout_s: float = 0,
    ) -> None:
        self._model = model
        self._context = context
        self._speculation: Speculation = speculation if model.can_rewind else "off"
        self._timeout_s = timeout_s
        self._costs = Costs()
        self._posted: Posted = []
        self._adapter: str | None = None
        self._adapter_turns = 0
        self._pause = filling.Pause(context.batch.room)
        self.longest = min(context.cells, model.trained_context or context.cells)
        room = context.ids - n_parallel if context.shared else context.ids
        self.cache = PrefixCache(room if prefix_cache else 0, context.all_cells)
        self._places = Admission(model, context, self.cache, n_parallel)
        self._running = self._places.running
        self._waiting = self._places.waiting
        self.turns = 0

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._waiting or self._running)

    @property
    def counts(self) -> tuple[int, int]:
        """How many requests run and how many wait."""
        return len(self._running), len(self._waiting)

    def live(self) -> list[LiveRequest]:
        """Return the requests inside; safe from any thread."""
        now = time.monotonic()
        found = []
        for one in [*self._running, *self._waiting]:
            state: Literal["waiting", "reading", "writing"] = "waiting"
            if one.id >= 0:
                state = "writing" if one.made else "reading"
            prompt, age = len(one.generation.tokens), now - one.generation.created_s
            found.append(LiveRequest(one.generation.label, state, prompt, one.made, age))
        return found

    def add(self, generation: Generation) -> None:
        """Put a request at the end of the queue; its prompt must be shorter than `longest`."""
        self._waiting.append(Sequence(generation, make_sampler(self._model, generation.sampling)))

    def restore(self, store: PrefixStore) -> None:
        """Put the prefixes of an earlier server into memory, as many as there is room for."""
        for stored in store.load():
            self._places.restore(stored)

    def turn(self) -> Posted:
        """Do one turn and return the events of it."""
        self._drop_cancelled()
        self._places.admit()
        group = self._pause.group(self._group())
        if group and (logits := self._decode(group)) is not None:
            for sequence in [one for one in group if one.output >= 0]:
                self._guarded_sample(sequence, logits)
        self.turns += 1
        return self._take_posted()

    def fail_all(self, problem: MacTunerError) -> Posted:
        """End every request with `problem`, start with an empty memory, and return the events not yet returned."""
        for sequence in [*self._running, *self._waiting]:
            self._fail(sequence, problem)
        self.cache.clear()
        self._places.reset()
        self._context.forget_all()
        return self._take_posted()

    def _take_posted(self) -> Posted:
        posted, self._posted = self._posted, []
        return posted

    def _drop_cancelled(self) -> None:
        now = time.monotonic()
        for sequence in [*self._running, *self._waiting]:
            if sequence.generation.cancelled:
                self._finish(sequence, "cancelled")
            elif self._timeout_s and now - sequence.generation.created_s > self._timeout_s:
                self._fail(sequence, RequestTimeoutError("serving.timed_out", seconds=f"{self._timeout_s:g}"))

    def _group(self) -> list[Sequence]:
        """Return the sequences of this turn: those of one adapter, each adapter for a few turns in its order."""
        adapters = list(dict.fromkeys(sequence.generation.adapter for sequence in self._running))
        if self._adapter not in adapters or (len(adapters) > 1 and self._adapter_turns >= _ADAPTER_TURNS):
            place = adapters.index(self._adapter) + 1 if self._adapter in adapters else 0
            self._adapter = adapters[place % len(adapters)] if adapters else self._adapter
            self._adapter_turns = 0
        self._adapter_turns += 1
        return [sequence for sequence in self._running if sequence.generation.adapter == self._adapter]

    def _decode(self, group: list[Sequence]) -> Logits | None:
        """Fill and decode one batch and return the logits; None when nothing could be decoded."""
        self._context.use_adapter(self._adapter)
        budget = self._pause.budget
        while group:
            filling.draft(group, self._speculation, self._costs, self.longest)
            prompt_tokens = filling.fill(self._context.batch, group, budget)
            started = time.perf_counter()
            code = self._context.decode()
            if code == 0:
                logits = self._context.logits() if self._context.batch.outputs else np.empty((0, 0), np.float32)
                self._pause.note(group, prompt_tokens, self._context.batch.size)
                if not prompt_tokens:
                    self._costs.observe(self._context.batch.size, time.perf_counter() - started)
                for sequence in group:
                    sequence.length += sequence.taken
                return logits
            if code != 1:
                for sequence in group:
                    self._fail(sequence, WorkError("serving.decode_failed", number=code))
                return None
            if len(self.cache):
                self._places.evict()
            elif prompt_tokens > 1:
                budget = prompt_tokens // 2
            else:
                self._step_back(group)
        return None

    def _step_back(self, group: list[Sequence]) -> None:
        """Send the newest sequence back to the head of the queue; alone, it has filled the memory and ends."""
        newest = self._running[-1]
        if len(self._running) == 1:
            self._finish(newest, "length")
        else:
            self._places.step_back(newest)
        if newest in group:
            group.remove(newest)

    def _guarded_sample(self, sequence: Sequence, logits: Logits) -> None:
        """Choose this sequence's tokens; what goes wrong with one answer ends this answer alone."""
        try:
            self._sample(sequence, logits)
        except MacTunerError as problem:
            self._fail(sequence, problem)
        except Exception:
            log.exception("an answer failed")
            self._fail(sequence, WorkError("serving.engine_failed"))

    def _sample(self, sequence: Sequence, logits: Logits) -> None:
        """Read the rows of one sequence: log-probabilities of its prompt, then the next token and the checked guesses."""
        generation = sequence.generation
        if generation.prompt_logprobs and not sequence.made:
            self._note_prompt(sequence, logits)
        if len(sequence.pending):  # more of the prompt is to come
            return
        if not generation.max_tokens:
            self._finish(sequence, "length")
            return
        before = len(sequence.tokens)  # in memory for sure; the guesses behind them may be wrong
        first = sequence.outputs - 1 - len(sequence.draft)
        right = 0
        reason: FinishReason | None = None
        for place in range(len(sequence.draft) + 1):
            row = first + place
            token, logprob = self._choose(sequence, sequence.row + row, logits[sequence.output + row])
            matches = place < len(sequence.draft) and token == sequence.draft[place]
            right += matches
            reason = self._take(sequence, token, logprob)
            if reason or not matches:
                break
        sequence.learn(right, int(sequence.tokens[before]))
        length = min(before + right, len(sequence.tokens))
        if length < sequence.length:
            self._context.forget(sequence.id, length)
            sequence.length = length
        if reason:
            self._finish(sequence, reason)

    def _note_prompt(self, sequence: Sequence, logits: Logits) -> None:
        """Keep the log-probability of each prompt token that follows a row of this turn."""
        tokens, first = sequence.generation.tokens, sequence.length - sequence.taken + 1
        for row in range(sequence.outputs):
            if first + row < len(tokens):
                token = int(tokens[first + row])
                top = sequence.generation.top_logprobs or 0
                sequence.prompt_logprobs.append(logprob_of(logits[sequence.output + row], token, top))

    def _choose(self, sequence: Sequence, row: int, logits: Logits) -> tuple[int, TokenLogprob | None]:
        generation = sequence.generation
        wanted = generation.top_logprobs
        raw = logits.copy() if wanted is not None else None
        if generation.sampling.logit_bias or generation.constraint is not None:
            prepare(logits, generation.sampling, generation.constraint)
        token = int(logits.argmax()) if sequence.sampler is None else self._context.sample(sequence.sampler, row)
        if generation.constraint is not None:
            generation.constraint.accept(token)
        return token, None if raw is None else logprob_of(raw, token, wanted or 0)

    def _take(self, sequence: Sequence, token: int, logprob: TokenLogprob | None) -> FinishReason | None:
        """Add a chosen token to the answer; return why the answer ends with it, if it does."""
        generation = sequence.generation
        sequence.append(token)
        if self._model.is_end(token):
            return "stop"
        if delta := sequence.push(self._model.piece(token, generation.special), logprob):
            self._posted.append((generation, delta))
        if sequence.text.stopped or (generation.constraint is not None and generation.constraint.complete()):
            return "stop"
        if sequence.made >= generation.max_tokens or len(sequence.tokens) > self.longest:
            return "length"
        return None

    def _finish(self, sequence: Sequence, reason: FinishReason) -> None:
        if delta := sequence.finish():
            self._posted.append((sequence.generation, delta))
        self._posted.append((sequence.generation, sequence.end(reason)))
        free_sampler(sequence.sampler)
        self._places.leave(sequence, keep=True)

    def _fail(self, sequence: Sequence, problem: MacTunerError) -> None:
        self._posted.append((sequence.generation, problem))
        free_sampler(sequence.sampler)
        self._places.leave(sequence, keep=False)
