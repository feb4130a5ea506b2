"""What every request passes before it reaches an endpoint: request id and access log, host, key, content type, size.

Plain ASGI, so that streams flow through untouched. The log holds no message text and no keys.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.errors import ApiError, describe
from serving.keys import Keys
from serving.settings import ServeSettings, is_loopback

access = logging.getLogger("serving.access")


class Guard:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, keys: Keys) -> None:
        self._app = app
        self._max_bytes = settings.max_body_mb * 1_000_000
        self._check_host = is_loopback(settings.host)
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 0
        ident = scope["request_id"] = "req_" + secrets.token_hex(8)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", ident.encode())]
            await send(message)

        try:
            self._check(scope)
            body = await self._read_body(scope, receive)
            await self._app(scope, body, send_with_id)
        except ApiError as problem:
            code, content, headers = describe(problem)
            await JSONResponse(content, code, headers)(scope, receive, send_with_id)
        finally:
            elapsed_ms = (time.monotonic() - started) * 1000
            path = scope.get("raw_path", b"").decode("ascii", "replace")[:200]  # still quoted: cannot forge a log line
            note = scope.get("note", "")
            access.info("%s %s %s %s %.0f ms%s", ident, scope["method"], path, status, elapsed_ms, note)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if self._check_host and not _own_name(headers.get("host", "")):
            raise ApiError(403, "serving.foreign_host", code="host_not_allowed", host=headers.get("host", "–")[:100])
        if self._keys and scope["path"] != "/health":
            self._check_key(headers.get("authorization", ""))
        if scope["method"] in ("POST", "PUT", "PATCH"):
            kind = headers.get("content-type", "").split(";")[0].strip().lower()
            if kind != "application/json":
                raise ApiError(415, "serving.not_json", kind=kind[:100] or "–")

    def _check_key(self, header: str) -> None:
        scheme, _, given = header.partition(" ")
        name = self._keys.find(given.strip().encode("latin-1"))  # as it came: headers are bytes
        if scheme.lower() != "bearer" or name is None:
            raise ApiError(401, "serving.wrong_key" if header else "serving.no_key", code="invalid_api_key")

    async def _read_body(self, scope: Scope, receive: Receive) -> Receive:
        """Read the body up to the limit and return a `receive` that gives it again, then goes on as before."""
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length) > self._max_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > self._max_bytes:
                raise self._too_large()
        whole: list[dict[str, Any]] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        return again

    def _too_large(self) -> ApiError:
        return ApiError(413, "serving.body_too_large", code="request_too_large", limit=self._max_bytes // 1_000_000)


def _own_name(host: str) -> bool:
    """Tell whether a Host header names this machine's loopback; a foreign name means another page's DNS trick."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host
    return is_loopback(name.lower())
