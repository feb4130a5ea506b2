"""The outermost layer: gives every request an id, and writes one line about it when its response is over.

Plain ASGI, so that streams flow through untouched. What the lines hold: `logs.py`.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
import traceback
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mactuner_core.messages import text
from serving.api.errors import error_body
from serving.metrics import CLIENT_LEFT, Metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_GIVEN_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
access = logging.getLogger("serving.access")
log = logging.getLogger("serving")


class AccessLog:
    """Writes the log of requests, counts them for the metrics, and answers what failed unexpectedly."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log_texts: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._log_texts = log_texts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        ident = given if _GIVEN_ID.fullmatch(given) else "req_" + secrets.token_hex(8)
        scope.update(request_id=ident, log={}, finished=[], client_name="")
        exchange = _Exchange(receive, send, ident)
        started = time.monotonic()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as problem:
            log.error("request %s failed: %s", ident, _where(problem))
            if not exchange.status:
                answer = JSONResponse(error_body(500, text("serving.unexpected")), 500)
                await answer(scope, exchange.receive, exchange.send)
        finally:
            self._write(scope, exchange, time.monotonic() - started)

    def _write(self, scope: Scope, exchange: _Exchange, seconds: float) -> None:
        status = scope.get("status") or exchange.final_status
        fields = _fields(scope, status, seconds, self._log_texts)
        access.info(_line(fields), extra={"fields": fields})
        self._metrics.request(_endpoint(scope), _method(scope), status)
        for finished in scope["finished"]:
            self._metrics.finished(str(scope["log"].get("model", "")), scope["client_name"] or "-", finished)


class _Exchange:
    """What passed between client and app: the status, whether all of the answer was sent, whether the client left."""

    def __init__(self, receive: Receive, send: Send, ident: str) -> None:
        self._receive = receive
        self._send = send
        self._ident = ident.encode("ascii")
        self._complete = False
        self._left = False
        self.status = 0

    @property
    def final_status(self) -> int:
        return CLIENT_LEFT if self._left else self.status

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._complete:
            self._left = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self._ident)]
        elif not message.get("more_body", False):
            self._complete = True
        await self._send(message)


def _fields(scope: Scope, status: int, seconds: float, log_texts: bool) -> dict[str, Any]:
    """Return what the log says of a request; texts of people only when they are wanted."""
    path = scope.get("raw_path", b"").decode("ascii", "replace")[:200]  # still quoted: cannot forge a line
    fields: dict[str, Any] = {"id": scope["request_id"], "method": scope["method"], "path": path}
    fields |= {"status": status, "ms": round(seconds * 1000)}
    known = scope["log"]
    if scope["client_name"]:
        fields["key"] = scope["client_name"]
    fields |= {name: known[name] for name in ("model", "prompt_tokens") if name in known}
    if ends := scope["finished"]:
        fields["prompt_tokens"] = ends[0].prompt_tokens  # the answers of one request share their prompt
        fields["cached_tokens"] = ends[0].cached_tokens
        fields["completion_tokens"] = sum(end.completion_tokens for end in ends)
        fields["finish_reason"] = ",".join(dict.fromkeys(end.reason for end in ends))
        fields["first_token_ms"] = round(min(end.first_token_s for end in ends) * 1000)
    if log_texts:
        fields |= {name: known[name] for name in ("prompt", "answer") if name in known}
    return fields


def _line(fields: dict[str, Any]) -> str:
    """Return the fields for people: `ID POST /v1/chat/completions 200 812 ms key=ann model=m in=12 out=30 stop …`."""
    short = {"prompt_tokens": "in", "cached_tokens": "cached", "completion_tokens": "out", "first_token_ms": "first_ms"}
    said = [str(fields["id"]), fields["method"], fields["path"], str(fields["status"]), f"{fields['ms']} ms"]
    for name, value in fields.items():
        if name not in ("id", "method", "path", "status", "ms"):
            said.append(_one_line(value) if name == "finish_reason" else f"{short.get(name, name)}={_one_line(value)}")
    return " ".join(said)


def _one_line(value: object) -> str:
    return "".join(sign if sign.isprintable() else "␤" for sign in str(value))


def _endpoint(scope: Scope) -> str:
    """Return the path as the app declares it; one word for all others, so that clients cannot make up labels."""
    if route := scope.get("route"):
        return str(route.path)
    declared = scope["app"].openapi()["paths"]  # made once; asked only for requests that were refused before a route
    return str(scope["path"]) if scope["path"] in declared else "other"


def _method(scope: Scope) -> str:
    """Return the method; one word for all that HTTP does not name, for the same reason."""
    return str(scope["method"]) if scope["method"] in _METHODS else "other"


def _where(problem: Exception) -> str:
    """Return the kind and the place of an unexpected error, without its words: they may hold a person's text."""
    frames = traceback.extract_tb(problem.__traceback__)
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-4:]))
    return f"{type(problem).__name__} at {places}"
