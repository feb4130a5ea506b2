"""One answer being made: what was asked, and the events that tell how it goes. Shared by the engine and the HTTP side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True)
class Delta:
    """The next piece of text, whole characters only."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The end of an answer; token counts for `usage`."""

    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int


Event = Delta | Finished | MacTunerError


class Generation:
    """A request to the engine. The engine's thread posts events through the loop; one task reads them."""

    def __init__(self, tokens: Tokens, sampling: Sampling, max_tokens: int, stop: tuple[str, ...] = ()) -> None:
        self.tokens = tokens
        self.sampling = sampling
        self.max_tokens = max_tokens
        self.stop = stop
        self.cancelled = False
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def cancel(self) -> None:
        """Ask the engine to drop this request at its next turn; safe from any thread."""
        self.cancelled = True

    def post(self, event: Event) -> None:
        """Hand `event` to the reader; call it in the event loop only."""
        self._events.put_nowait(event)

    async def events(self) -> AsyncIterator[Delta | Finished]:
        """Yield the events until `Finished`; raises the error that ended the answer."""
        while True:
            event = await self._events.get()
            if isinstance(event, MacTunerError):
                raise event
            yield event
            if isinstance(event, Finished):
                return
