"""Reading a request's body: only so large, and only for so long."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from serving.api.errors import ApiError

_READ_AHEAD = 65_536  # what uvicorn has taken in on its own before anybody asked for the body


async def read_body(scope: Scope, receive: Receive, max_bytes: int, timeout_s: float) -> Receive | None:
    """Read the body whole and return a `receive` that gives it again, then goes on as before; None: the client left.

    Raises ApiError: 413 for more than `max_bytes`, announced or not; 408 when it takes longer than `timeout_s`.
    """
    length = Headers(scope=scope).get("content-length", "0")
    if length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            body = await _whole(receive, max_bytes)
    except TimeoutError:
        raise ApiError(408, "serving_operations.body_too_slow", code="request_timeout", seconds=timeout_s) from None
    if body is None:
        return None
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again


def is_unread(scope: Scope) -> bool:
    """Tell whether more of a body may still come than was taken in already: such a connection cannot be used again."""
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    return "transfer-encoding" in headers or not length.isdigit() or int(length) > _READ_AHEAD


async def _whole(receive: Receive, max_bytes: int) -> bytes | None:
    """Return the body; None when the client left in the middle of it."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > max_bytes:
            raise _too_large(max_bytes)
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large(max_bytes: int) -> ApiError:
    return ApiError(413, "serving.body_too_large", code="request_too_large", limit=max_bytes // 1_000_000)
