"""What every request passes before it reaches an endpoint, from outside in: log, origin, host, key, limits, size.

Plain ASGI, so that streams flow through untouched.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access import AccessLog
from serving.api.errors import ApiError, describe
from serving.body import is_unread, read_body
from serving.engine.engine import NotReadyError
from serving.keys import NOBODY, Key, Keys
from serving.limits import LimitError, Limits
from serving.logs import UnknownFields
from serving.metrics import Metrics
from serving.settings import ServeSettings, is_loopback

_WITH_BODY = ("POST",)  # no endpoint takes another method: those are answered with 405
OPEN_PATHS = ("/health",)  # without a key
_WHILE_STOPPING = ("/health", "/metrics")
_COME_AGAIN_S = "5"  # after a stop: as long as a restart takes, about
_RATE_HEADERS = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")


class Gate:
    """Whether new requests are let in, and how many are inside."""

    def __init__(self) -> None:
        self.closed = False
        self.inside = 0


def install(app: FastAPI, settings: ServeSettings, keys: Keys) -> None:
    """Put the layers around the app; app.state gets `gate`, `metrics` and `unknown_fields`. It has `pool` already."""
    app.state.gate = Gate()
    app.state.metrics = Metrics(app.state.pool)
    app.state.unknown_fields = UnknownFields()
    app.add_middleware(Guard, settings=settings, keys=keys, gate=app.state.gate)
    if settings.cors_origin:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origin,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["X-Request-Id", "Retry-After", *_RATE_HEADERS],
            allow_private_network=True,  # a page of the internet that is in the list may call this machine
        )
    app.add_middleware(AccessLog, metrics=app.state.metrics, log_texts=settings.log_texts)


class Guard:
    """Lets in who may ask, and gives back their place when the response is over or the client has left."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, keys: Keys, gate: Gate) -> None:
        self._app = app
        self._settings = settings
        self._check_host = is_loopback(settings.host)
        self._keys = keys
        self._gate = gate
        self._limits = Limits(settings.requests_per_minute, settings.requests_at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
            await self._let_in(scope, receive, send)
        except (ApiError, NotReadyError) as problem:
            code, content, headers = describe(problem)
            if isinstance(problem, LimitError):
                headers |= problem.headers
            if isinstance(problem, NotReadyError):
                headers |= {"Retry-After": _COME_AGAIN_S, "Connection": "close"}
            if code in (408, 413) or is_unread(scope):
                headers |= {"Connection": "close"}
            await JSONResponse(content, code, headers)(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        name = scope["client_name"] or NOBODY
        limits = self._limits.enter(name)
        self._gate.inside += 1

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"]).update(limits)
            await send(message)

        try:
            largest = self._settings.max_body_mb * 1_000_000
            body = await read_body(scope, receive, largest, self._settings.body_timeout_s)
            if body is not None:
                await self._app(scope, body, send_with_limits)
        finally:
            self._gate.inside -= 1
            self._limits.leave(name)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if self._check_host and not _own_name(headers.get("host", "")):
            raise ApiError(403, "serving.foreign_host", code="host_not_allowed", host=headers.get("host", "–")[:100])
        if self._keys and scope["path"] not in OPEN_PATHS:
            key = self._whose(headers.get("authorization", ""))
            scope.update(client_name=key.name, collections=key.collections)
        if self._gate.closed and scope["path"] not in _WHILE_STOPPING:
            raise NotReadyError("serving.not_ready", state="stopping")
        if scope["method"] in _WITH_BODY:
            kind = headers.get("content-type", "").split(";")[0].strip().lower()
            if kind != "application/json":
                raise ApiError(415, "serving.not_json", kind=kind[:100] or "–")

    def _whose(self, header: str) -> Key:
        scheme, _, given = header.partition(" ")
        key = self._keys.find(given.strip().encode("latin-1"))  # as it came: headers are bytes
        if scheme.lower() != "bearer" or key is None:
            raise ApiError(401, "serving.wrong_key" if header else "serving.no_key", code="invalid_api_key")
        return key


def _own_name(host: str) -> bool:
    """Tell whether a Host header names this machine's loopback; a foreign name means another page's DNS trick."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host
    return is_loopback(name.lower())
