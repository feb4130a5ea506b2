"""One answer being made: what was asked, and the events that tell how it goes. Shared by the engine and the HTTP side."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from mactuner_core.errors import MacTunerError

Tokens = npt.NDArray[np.int32]
FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. temperature 0 takes the likeliest; top_k 0 and top_p 1 leave all in."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int = 0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repeat_penalty: float = 1.0
    logit_bias: tuple[tuple[int, float], ...] = ()


class Constraint(Protocol):
    """What an answer must follow: a grammar that says before each token which ones may come. One for each answer.

    The engine's thread calls it; a method that raises ends this one answer with the error.
    """

    def mask(self) -> npt.NDArray[np.bool_]:
        """Return which tokens may come next; shape (vocabulary,)."""

    def accept(self, token: int) -> None:
        """Take note of the chosen token."""

    def complete(self) -> bool:
        """Tell whether the answer is whole and nothing may follow but its end."""


@dataclass(frozen=True)
class TokenLogprob:
    """A token with the natural logarithm of its probability before any bias, penalty or constraint."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()  # the likeliest tokens in its place, likeliest first


@dataclass(frozen=True)
class Delta:
    """The next piece of text, whole characters only, and the log-probabilities of the tokens that ended since the last."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Finished:
    """The end of an answer; token counts for `usage`, seconds for the metrics."""

    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0  # of the prompt, found in memory instead of computed
    drafted_tokens: int = 0  # proposed by speculation
    accepted_tokens: int = 0  # of those, right
    queue_s: float = 0.0  # until it got its place in the batch
    first_token_s: float = 0.0  # from the request's arrival
    total_s: float = 0.0
    prompt_logprobs: tuple[TokenLogprob, ...] = ()  # of every prompt token but the first, when asked for


Event = Delta | Finished | MacTunerError


@dataclass(eq=False)
class Generation:
    """A request to the engine. The engine's thread posts events through the loop; one task reads them.

    `top_logprobs` None: no log-probabilities; 0: of the chosen tokens; n: also of the n likeliest in each place.
    `special` shows control tokens as text too (tool calls of some models are marked by them).
    `max_tokens` 0 only reads the prompt.
    """

    tokens: Tokens
    sampling: Sampling
    max_tokens: int
    stop: tuple[str, ...] = ()
    constraint: Constraint | None = None
    top_logprobs: int | None = None
    prompt_logprobs: bool = False
    special: bool = False
    adapter: str | None = None
    label: str = ""  # the request's id, for the list of live requests
    client: str = ""  # whose request it is: clients take turns
    cancelled: bool = False
    created_s: float = field(default_factory=time.monotonic)
    _events: deque[Event] = field(default_factory=deque)
    _waiting: asyncio.Future[None] | None = None

    def cancel(self) -> None:
        """Ask the engine to drop this request at its next turn; safe from any thread."""
        self.cancelled = True

    def post(self, event: Event) -> None:
        """Hand `event` to the reader; call it in the event loop only."""
        self._events.append(event)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def events(self) -> AsyncIterator[Delta | Finished]:
        """Yield the events until `Finished`; raises the error that ended the answer."""
        while True:
            while not self._events:
                self._waiting = asyncio.get_running_loop().create_future()
                await self._waiting
            event = self._events.popleft()
            if isinstance(event, MacTunerError):
                raise event
            yield event
            if isinstance(event, Finished):
                return
