"""Clients that leave: their requests end at once, wherever they are, and whatever they hold is given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, aclosing
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.api.errors import ApiError

Result = TypeVar("Result")


class ClientLeftError(ApiError):
    """Nobody waits for the answer any more; nobody reads this either, the log excepted."""

    def __init__(self) -> None:
        super().__init__(499, "serving_api.client_left", code="client_left")


async def unless_left(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """Return what `work` returns; when the client leaves before that, cancel it and raise ClientLeftError."""
    task, watcher = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientLeftError
    finally:
        task.cancel()
        watcher.cancel()
        await asyncio.gather(task, watcher, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """Server-sent events; closes `held` when they are over or the client has left, even before the first."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], held: AsyncExitStack) -> None:
        self.status_code = 200
        self.background = None
        self._events = events
        self._held = held
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events as they come."""
        try:
            await unless_left(receive, self._send_all(send))
        except ClientLeftError as left:
            scope["status"] = left.status
        finally:
            await self._held.aclose()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._events) as events:  # type: ignore[type-var]
            async for event in events:
                await send({"type": "http.response.body", "body": event.encode("utf-8"), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
