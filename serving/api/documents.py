"""What the OpenAPI document says of every endpoint's answers, so that it is true: bodies, streams, errors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel


class ErrorObject(BaseModel):
    """What went wrong: `param` is the field to mend, `code` a short name for programs."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """Every failure looks like this."""

    error: ErrorObject


_ERRORS = {
    400: "The request is wrong; `param` names the field.",
    401: "The API key is missing or wrong.",
    403: "The Host header names another machine.",
    404: "There is no such model.",
    413: "The request is larger than the server takes.",
    415: "The body is not declared as application/json.",
    429: "Too many requests; `Retry-After` says when to come back.",
    500: "The server failed at this request.",
    503: "The model is loading, or the server is stopping.",
    504: "The answer took longer than the server allows.",
}
_COMPONENT = "#/components/schemas/{model}"
_WITHOUT_BODY = (401, 403)


def answers(whole: type[BaseModel], stream: type[BaseModel] | None = None) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of an endpoint that takes a body; `stream` is the data of each server-sent event."""
    good: dict[str, Any] = {"model": whole, "description": "The answer."}
    if stream:
        good["content"] = {"text/event-stream": {"itemSchema": _event(stream)}}
    return {200: good, **errors(*_ERRORS)}


def _event(data: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a server-sent event: its data is JSON, an error where the answer failed, or the last word."""
    references = [{"$ref": _COMPONENT.format(model=model.__name__)} for model in (data, ErrorBody)]
    json_text = {"type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": references}}
    return {
        "type": "object",
        "properties": {"data": {"anyOf": [{"const": "[DONE]"}, json_text]}, "event": {"type": "string"}},
        "required": ["data"],
    }


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` for error statuses, with those that every endpoint may give."""
    return {
        status: {"model": ErrorBody, "description": _ERRORS[status]} for status in sorted({*statuses, *_WITHOUT_BODY})
    }


def describe_truly(app: FastAPI, streamed: Sequence[type[BaseModel]], keyed: bool, open_paths: Collection[str]) -> None:
    """Add to the app's document the data of `streamed` events, and the key that all but the `open_paths` ask for.

    Takes out what the framework adds and no answer is (422).
    """
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        if keyed:
            document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                if keyed and path not in open_paths:
                    operation["security"] = [{"key": []}]
        schemas = document["components"]["schemas"]
        for model in streamed:
            schema = model.model_json_schema(ref_template=_COMPONENT)
            schemas |= schema.pop("$defs", {})
            schemas[model.__name__] = schema
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
