"""One request's way through the engine: hold the model, submit one or many generations, read their events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Protocol

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from mactuner_core.errors import MacTunerError
from serving.api.fields import Body, SampledBody
from serving.api.leaving import EventStream, unless_left
from serving.engine.engine import QueueFullError
from serving.engine.generation import Delta, Finished, Generation
from serving.engine.pool import Lease, Pool

_RETRY_S = 0.05  # until a generation of ours that found the queue full asks again

Numbered = tuple[int, Delta | Finished]


class Answer(Protocol):
    """An endpoint's answer, made of a run's events."""

    async def whole(self) -> dict[str, Any]:
        """Return the finished answer as one JSON document."""

    def stream(self) -> AsyncIterator[str]:
        """Yield the answer as server-sent events."""


class Run:
    """The generations of one request; at most as many at once as the engine computes at once."""

    def __init__(self, request: Request, lease: Lease, generations: Sequence[Generation]) -> None:
        self.lease = lease
        self._scope = request.scope
        self.finished: dict[int, Finished] = {}
        self.created = int(time.time())
        self._generations = generations
        self._tasks: list[asyncio.Task[None]] = []
        self._texts: list[str] | None = [] if lease.engine.settings.log_texts else None
        for generation in generations:
            generation.adapter = lease.adapter
            generation.label = self._scope["request_id"]
            generation.client = self._scope["client_name"]
        self._note_prompt()
        lease.engine.submit(generations[0])  # here, so that a full queue is said with a status

    async def events(self) -> AsyncIterator[Numbered]:
        """Yield every event with the number of its generation; raises the first error."""
        if len(self._generations) == 1:
            async for event in self._generations[0].events():
                yield 0, self._note(0, event)
            return
        queue: asyncio.Queue[tuple[int, Delta | Finished | MacTunerError]] = asyncio.Queue()
        places = asyncio.Semaphore(self.lease.engine.settings.n_parallel)
        self._tasks = [asyncio.create_task(self._follow(number, places, queue)) for number in range(self.count)]
        while len(self.finished) < self.count:
            number, now = await queue.get()
            if isinstance(now, MacTunerError):
                raise now
            yield number, self._note(number, now)

    @property
    def count(self) -> int:
        """How many answers there will be."""
        return len(self._generations)

    def cancel(self) -> None:
        """End what still runs."""
        for generation in self._generations:
            generation.cancel()
        for task in self._tasks:
            task.cancel()

    async def _follow(self, number: int, places: asyncio.Semaphore, queue: asyncio.Queue[Any]) -> None:
        """Submit a generation when there is a place for it, and pass its events on."""
        async with places:
            try:
                if number:
                    await self._submit(self._generations[number])
                async for event in self._generations[number].events():
                    queue.put_nowait((number, event))
            except MacTunerError as problem:
                queue.put_nowait((number, problem))

    async def _submit(self, generation: Generation) -> None:
        while True:
            try:
                self.lease.engine.submit(generation)
                return
            except QueueFullError:
                await asyncio.sleep(_RETRY_S)

    def _note(self, number: int, event: Delta | Finished) -> Delta | Finished:
        """Leave what the log and the metrics want to know."""
        if isinstance(event, Finished):
            self.finished[number] = event
            self._scope["finished"].append(event)
            if self._texts is not None:
                self._scope["log"]["answer"] = "".join(self._texts)
        elif self._texts is not None:
            self._texts.append(event.text)
        return event

    def _note_prompt(self) -> None:
        if self._texts is not None and self.lease.engine.model:
            model, tokens = self.lease.engine.model, self._generations[0].tokens
            prompt = b"".join(model.piece(int(token), special=True) for token in tokens)
            self._scope["log"]["prompt"] = prompt.decode("utf-8", "replace")


async def respond(
    request: Request,
    body: SampledBody,
    begin: Callable[[Lease], Awaitable[tuple[Run, Answer]]],
    model: str | None = None,
) -> Response:
    """Return the response of an endpoint: `begin` turns the loaded model into a run and its answer.

    `model` is the model's own name where the client wrote it with a collection's. The model is held until the last byte has left or the client has. Raises what the pool, `begin` or the engine raise.
    """
    tell(request, body, body.model)
    pool: Pool = request.app.state.pool
    async with AsyncExitStack() as held:

        async def start() -> Answer:
            lease = await held.enter_async_context(pool.lease(model or body.model))
            run, answer = await begin(replace(lease, name=body.model))
            held.callback(run.cancel)
            return answer

        async def whole() -> Response:
            return JSONResponse(await (await start()).whole())

        if not body.stream:
            return await unless_left(request.receive, whole())
        answer = await unless_left(request.receive, start())
        return EventStream(answer.stream(), held.pop_all())


def tell(request: Request, body: Body, model: str) -> None:
    """Leave the model's name for the log, and let it name the fields that change nothing."""
    request.scope["log"]["model"] = model[:200]
    request.app.state.unknown_fields.tell(request.url.path, body.passed_over())
