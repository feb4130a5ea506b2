"""Every failure in OpenAI's shape: {"error": {"message", "type", "param", "code"}} with the right HTTP status."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mactuner_core.errors import MacTunerError, NotFoundError
from mactuner_core.messages import text
from serving.engine.engine import NotReadyError, QueueFullError
from serving.engine.llama import ModelClosedError
from serving.engine.pool import ModelNotFoundError
from serving.engine.scheduler import RequestTimeoutError

_RETRY_AFTER_S = "2"
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
log = logging.getLogger("serving")


class ApiError(MacTunerError):
    """A refused request, with its status, the field that is wrong, and OpenAI's short code."""

    def __init__(self, status: int, key: str, *, param: str | None = None, code: str | None = None, **values: object):
        super().__init__(key, **values)
        self.status = status
        self.param = param
        self.short_code = code


def error_body(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Return the JSON of an error."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": _sendable(message), "type": kind, "param": _sendable(param), "code": code}}


def describe(problem: MacTunerError) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, body and headers for an error of ours."""
    message = problem.text()
    if isinstance(problem, ApiError):
        headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
        return problem.status, error_body(problem.status, message, problem.param, problem.short_code), headers
    if isinstance(problem, QueueFullError):
        return 429, error_body(429, message, code="queue_full"), {"Retry-After": _RETRY_AFTER_S}
    if isinstance(problem, NotReadyError | ModelClosedError):
        return 503, error_body(503, message, code="not_ready"), {"Retry-After": _RETRY_AFTER_S}
    if isinstance(problem, RequestTimeoutError):  # OpenAI's clients would ask again, and wait as long again
        return 504, error_body(504, message, code="timed_out"), {"X-Should-Retry": "false"}
    if isinstance(problem, ModelNotFoundError):
        return 404, error_body(404, message, "model", "model_not_found"), {}
    if isinstance(problem, NotFoundError):
        return 404, error_body(404, message), {}
    return 500, error_body(500, message), {}


def install(app: FastAPI) -> None:
    """Make the app answer every failure in OpenAI's shape."""

    @app.exception_handler(MacTunerError)
    async def ours(request: Request, problem: MacTunerError) -> JSONResponse:
        status, body, headers = describe(problem)
        return JSONResponse(body, status, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, problem: RequestValidationError) -> JSONResponse:
        return JSONResponse(_invalid(problem.errors()), 400)

    @app.exception_handler(HTTPException)
    async def http(request: Request, problem: HTTPException) -> JSONResponse:
        key = {404: "serving.no_route", 405: "serving.wrong_method", 400: "serving.bad_json"}.get(problem.status_code)
        values = {"method": request.method, "path": request.url.path, "reason": problem.detail}
        message = text(key, **values) if key else str(problem.detail)
        return JSONResponse(error_body(problem.status_code, message), problem.status_code, problem.headers)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, problem: Exception) -> JSONResponse:
        log.error("request %s failed: %s", request.scope.get("request_id"), type(problem).__name__)
        return JSONResponse(error_body(500, text("serving.unexpected")), 500)


def _invalid(errors: Any) -> dict[str, Any]:
    """Return the body for one error of a request that does not fit the schema: too many, or the deepest, best a value's and not a kind's."""
    error: Mapping[str, Any] = max(errors, key=_importance)
    kind = error["type"]
    place = [part for part in error["loc"] if part != "body"]
    if kind == "json_invalid":
        return error_body(400, text("serving.bad_json", reason=f"{error['ctx']['error']}, {error['loc'][-1]}"))
    param = ".".join(str(part) for part in place if not _union_branch(part)) or None
    if kind == "no_content":
        param = f"{param}.{error.get('ctx', {}).get('inside', 'content')}"
    values: dict[str, Any] = {"field": param or "body", "value": _short(error.get("input")), **error.get("ctx", {})}
    if "tag" in values:
        values["kind"] = values["tag"].strip("[]")[:40]
    if kind not in _MESSAGES:
        return error_body(400, text("serving.bad_field", reason=error["msg"], **values), param, "invalid_value")
    key, code = _MESSAGES[kind]
    return error_body(400, text(key, **values), param, code)


def _importance(error: Mapping[str, Any]) -> tuple[bool, int, bool]:
    return error["type"] == "too_long", len(error["loc"]), not error["type"].endswith("_type")


_MESSAGES = {
    "missing": ("serving.field_missing", "missing_required_parameter"),
    "extra_forbidden": ("serving.field_unknown", "unknown_parameter"),
    "keeps_no_state": ("serving_api.keeps_no_state", "unsupported_parameter"),
    "greater_than_equal": ("serving.field_too_small", "invalid_value"),
    "greater_than": ("serving.field_not_above", "invalid_value"),
    "less_than_equal": ("serving.field_too_large", "invalid_value"),
    "literal_error": ("serving.field_not_a_choice", "invalid_value"),
    "too_short": ("serving.field_empty", "invalid_value"),
    "too_long": ("serving_api.too_many", "invalid_value"),
    "no_content": ("serving.no_content", "invalid_value"),
    "part_not_supported": ("serving_api.part_not_supported", "invalid_value"),
    "union_tag_invalid": ("serving_api.item_not_supported", "invalid_value"),
    "token_input": ("serving_api.token_input", "invalid_value"),
    "not_unicode": ("serving_api.not_unicode", "invalid_value"),
}


def _union_branch(part: object) -> bool:
    """Tell whether a step of an error's place is pydantic's name for a branch of a union, not a field."""
    return isinstance(part, str) and ("[" in part or part[:1].isupper() or part in _BRANCHES)


_BRANCHES = (
    "str",
    "int",
    "none",
    "constrained-str",
    "constrained-int",
)  # others have brackets, or are names of classes


def _sendable(words: str | None) -> str | None:
    """Return `words` as text that UTF-8 can hold and that is not longer than a message should be."""
    return words and words.encode("utf-8", "replace").decode("utf-8")[:2000]


def _short(value: object) -> str:
    """Return a value for a message: numbers and short words as they are, the rest by its kind, so no text is echoed."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str) and len(value) <= 40:
        return f"“{value}”"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"
