"""The log of requests: what stands in it, what never does, and clients that left."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from serving import guard
from serving.engine.pool import Pool
from serving.keys import Keys
from serving.logs import JsonLines, UnknownFields
from serving.models import ServedModel
from serving.settings import ServeSettings
from tests.serving.conftest import Running, Taught, ask
from tests.serving.test_errors import raw


class Kept(logging.Handler):
    """Keeps the records, and waits for one: a line is written after its answer has left."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def fields(self, ident: str) -> dict[str, Any]:
        """Return the fields of the request with this id."""
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            for record in list(self.records):
                found: dict[str, Any] = getattr(record, "fields", {})
                if found.get("id") == ident:
                    return found
            time.sleep(0.02)
        raise AssertionError(f"no line for {ident}")

    def text(self) -> str:
        """Return every line as it stands in either form."""
        lines = [form.format(record) for record in self.records for form in (logging.Formatter(), JsonLines())]
        return "\n".join(lines)


@pytest.fixture
def kept() -> Iterator[Kept]:
    """What the server writes to its log during the test."""
    log, handler = logging.getLogger("serving"), Kept()
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(before)


def test_a_line_says_what_an_answer_took(server: Running, kept: Kept) -> None:
    answer = server.client.chat.completions.with_raw_response.create(
        model=server.name,
        messages=ask("Say hello secret-words"),
        max_tokens=3,
        extra_headers={"X-Request-Id": "mine-1"},
    )
    assert answer.headers["x-request-id"] == "mine-1"
    usage = answer.parse().usage
    assert usage is not None
    fields = kept.fields("mine-1")
    assert (fields["method"], fields["path"], fields["status"]) == ("POST", "/v1/chat/completions", 200)
    assert (fields["prompt_tokens"], fields["completion_tokens"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert fields["model"] == server.name
    assert fields["finish_reason"] == answer.parse().choices[0].finish_reason
    assert 0 <= fields["first_token_ms"] <= fields["ms"] + 1
    assert {"cached_tokens", "ms"} <= fields.keys()
    assert "secret-words" not in kept.text()
    for line in kept.text().splitlines()[1::2]:
        assert json.loads(line)["level"] == "info"


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "ключ", 'a"b'])
def test_an_id_that_is_not_sane_is_replaced(server: Running, given: str) -> None:
    status, headers, _ = raw(server, "GET", "/v1/models", headers={"X-Request-Id": given.encode().decode("latin-1")})
    assert status == 200
    assert headers["x-request-id"].startswith("req_")


def test_a_client_that_leaves_before_the_answer_is_written_as_499(server: Running, kept: Kept) -> None:
    body = json.dumps({"model": server.name, "messages": ask("Count"), "temperature": 2, "max_tokens": 3000})
    place = urlsplit(server.url)
    for ident, sent in (("left-1", body), ("left-2", body[:-5])):
        with socket.create_connection((str(place.hostname), int(place.port or 0))) as connection:
            connection.sendall(
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"X-Request-Id: {ident}\r\nContent-Length: {len(body)}\r\n\r\n{sent}".encode()
            )
        assert kept.fields(ident)["status"] == 499


def test_keys_are_named_and_never_written(start: Callable[..., Running], kept: Kept, tmp_path: Any) -> None:
    (tmp_path / "keys.txt").write_text("ann first-key\n")
    server = start(api_key_file=str(tmp_path / "keys.txt"))
    for key, ident, name in (("first-key", "with-key", "ann"), ("guessed-key", "guessed", None)):
        raw(server, "GET", "/v1/models", headers={"Authorization": f"Bearer {key}", "X-Request-Id": ident})
        assert kept.fields(ident).get("key") == name
    assert "first-key" not in kept.text()
    assert "guessed-key" not in kept.text()


def app_with(taught: Taught, **settings: Any) -> FastAPI:
    """Return an app with the server's layers and endpoints of our own that fail or leave texts."""
    app = FastAPI()
    checked = ServeSettings.check({"model": str(taught.gguf), **settings})
    app.state.pool = Pool([ServedModel(taught.gguf, "tiny")], checked)
    guard.install(app, checked, Keys())

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("secret words of a person")

    @app.get("/texts")
    async def texts(request: Request) -> None:
        request.scope["log"].update(prompt="what a person asked", answer="what was\nanswered")

    return app


def test_an_unexpected_failure_is_answered_and_written_without_its_words(taught: Taught, kept: Kept) -> None:
    client = TestClient(app_with(taught), base_url="http://localhost")
    answer = client.get("/fails", headers={"X-Request-Id": "fails-1"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert answer.headers["x-request-id"] == "fails-1"
    assert kept.fields("fails-1")["status"] == 500
    assert "RuntimeError at test_access.py" in kept.text()
    assert "secret words" not in kept.text()


@pytest.mark.parametrize("wanted", [False, True])
def test_texts_are_written_only_when_they_are_wanted(taught: Taught, kept: Kept, wanted: bool) -> None:
    TestClient(app_with(taught, log_texts=wanted), base_url="http://localhost").get("/texts")
    assert ("what a person asked" in kept.text()) == wanted
    assert "was\nanswered" not in kept.text()  # stays in its line


def test_fields_passed_over_are_told_once(kept: Kept) -> None:
    told = UnknownFields()
    told.tell("/v1/chat/completions", ["one", "two\nforged"])
    told.tell("/v1/chat/completions", ["one"])
    told.tell("/v1/embeddings", ["one"])
    for number in range(2000):
        told.tell("/v1/embeddings", [f"field-{number}"])
    lines = [record.getMessage() for record in kept.records]
    assert len(lines) <= 500
    assert "'one'" in lines[0] and "two\\nforged" in lines[0] and "\n" not in lines[0]
    assert "/v1/embeddings" in lines[1]
