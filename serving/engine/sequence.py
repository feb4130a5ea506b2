"""A request inside the engine: its tokens, how many of them are in memory, and the text that came of them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from serving.engine.generation import Delta, Finished, FinishReason, Generation, TokenLogprob, Tokens
from serving.engine.lookup import Lookup
from serving.engine.text import TextStream

HEADROOM = 64  # cells kept for what a sequence writes next, so that a new one is not sent back at once


class Sequence:
    """Tokens are the prompt and what was chosen after it; those from `length` on must still go into memory."""

    def __init__(self, generation: Generation, sampler: Any) -> None:
        self.generation = generation
        self.sampler = sampler
        self.text = TextStream(generation.stop)
        self.id = -1
        self.length = 0  # tokens in memory
        self.shared = 0  # of those, in cells that another sequence brought
        self.cached_tokens = -1  # of the prompt, not computed for this request; -1 until it is admitted
        self.lookup: Lookup | None = None
        self.drafted = 0
        self.accepted = 0
        self.prompt_logprobs: list[TokenLogprob] = []
        self.admitted_s = 0.0
        self.first_token_s = 0.0
        # this turn's part of the batch
        self.taken = 0
        self.row = -1
        self.output = -1
        self.outputs = 0
        self.draft: list[int] = []
        self.guess = -1  # the first token that prompt lookup found, drafted or not
        self._buffer = np.array(generation.tokens, dtype=np.int32)
        self._count = len(self._buffer)
        self._held_logprobs: list[tuple[int, TokenLogprob]] = []  # with the byte at which the token's text begins
        self._bytes = 0
        self._given = 0  # bytes of text handed out

    @property
    def tokens(self) -> Tokens:
        """Prompt and answer so far; shape (tokens,)."""
        return self._buffer[: self._count]

    @property
    def pending(self) -> Tokens:
        """What must go into memory next."""
        return self._buffer[self.length : self._count]

    @property
    def made(self) -> int:
        """How many tokens of the answer there are."""
        return self._count - len(self.generation.tokens)

    @property
    def writing(self) -> bool:
        """Whether the next step is one token of the answer, not a piece of the prompt."""
        return self._count - self.length == 1 and self.made > 0

    @property
    def needed(self) -> int:
        """The cells it takes beyond shared ones with its whole prompt and the next few tokens of its answer."""
        coming = max(0, min(HEADROOM, self.generation.max_tokens - self.made))
        return self._count + coming - self.shared

    def append(self, token: int) -> None:
        """Add a chosen token."""
        if self._count == len(self._buffer):
            self._buffer = np.concatenate([self._buffer, np.empty(max(64, self._count // 2), dtype=np.int32)])
        self._buffer[self._count] = token
        self._count += 1

    def step_back(self) -> None:
        """Forget what is in memory; all of it must be computed again."""
        self.id, self.length, self.shared, self.row, self.draft = -1, 0, 0, -1, []

    def learn(self, right: int, first: int) -> None:
        """Take note that `right` of this turn's guesses were right, and of the token that came `first`."""
        self.drafted += len(self.draft)
        self.accepted += right
        if self.lookup and self.draft:
            self.lookup.observe(len(self.draft), right)
        elif self.lookup and self.guess >= 0:
            self.lookup.observe(1, int(self.guess == first))

    def push(self, data: bytes, logprob: TokenLogprob | None) -> Delta | None:
        """Add a token's bytes to the text; return what a client may see of it now."""
        if logprob is not None:
            self._held_logprobs.append((self._bytes, logprob))
        self._bytes += len(data)
        if not self.first_token_s:
            self.first_token_s = time.monotonic()
        text = self.text.push(data)
        return self._delta(text) if text else None

    def finish(self) -> Delta | None:
        """Return the text and log-probabilities that were held back, at the end of the answer."""
        text = self.text.finish()
        if self.text.stopped:
            self._held_logprobs = []
        return self._delta(text) if text or self._held_logprobs else None

    def end(self, reason: FinishReason) -> Finished:
        """Return the event that ends the answer."""
        now, born = time.monotonic(), self.generation.created_s
        return Finished(
            reason,
            prompt_tokens=len(self.generation.tokens),
            completion_tokens=self.made,
            cached_tokens=max(0, self.cached_tokens),
            drafted_tokens=self.drafted,
            accepted_tokens=self.accepted,
            queue_s=(self.admitted_s or now) - born,
            first_token_s=self.first_token_s - born if self.first_token_s else 0.0,
            total_s=now - born,
            prompt_logprobs=tuple(self.prompt_logprobs),
        )

    def _delta(self, text: str) -> Delta:
        kept = self._held_logprobs
        if kept:
            self._given += len(text.encode())
        if self.text.stopped:  # tokens of the stop string itself are not part of the answer
            kept = [(start, one) for start, one in kept if start < self._given]
        self._held_logprobs = []
        return Delta(text, tuple(one for _, one in kept))
