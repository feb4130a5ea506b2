"""Clients that take their time, with a head, a body, or an answer: cut after a while, and nobody waits for them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from serving import connections
from tests.serving.conftest import Taught, ask
from tests.serving.fuzz.bodies import CHAT
from tests.serving.fuzz.conftest import wait_for
from tests.serving.fuzz.inside import Inside, inside

ENDLESS: dict[str, Any] = {
    "messages": ask("Count"),
    "max_tokens": 100_000,
    "temperature": 2.0,
    "logit_bias": {"2": -100, "0": -100},
}
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture(scope="module")
def served(taught: Taught) -> Iterator[Inside]:
    """A server that waits a second for a body."""
    with inside(model=str(taught.gguf), n_ctx=4096, n_parallel=2, body_timeout_s=1, embedding_model="none") as made:
        yield made


@pytest.fixture(autouse=True)
def _hasty(served: Inside, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Waits are short, and after each test the server is as it was."""
    monkeypatch.setattr(connections, "HEAD_S", 0.5)
    monkeypatch.setattr(connections, "UNREAD_S", 0.5)
    yield
    served.check()


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /v1/models HTTP/1.1\r\nHost: loc", b"\r\n"], ids=repr)
def test_a_head_that_does_not_come(served: Inside, sent: bytes) -> None:
    lines = [served.connect() for _ in range(20)]
    for line in lines:
        line.sendall(sent)
    for line in lines:
        assert b"200" not in drip(line, b"")


def test_a_head_that_comes_byte_by_byte(served: Inside) -> None:
    with served.connect() as line:
        line.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        assert drip(line, b"x") == b""


def test_a_body_that_comes_byte_by_byte(served: Inside) -> None:
    with served.connect() as line:
        line.sendall(HEAD)
        assert drip(line, b" ").startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", [b"GET /health", b"GET /v1/models", b"PUT /v1/models", b"GET /nothing"])
def test_a_body_that_nobody_reads_comes_byte_by_byte(served: Inside, path: bytes) -> None:
    with served.connect() as line:
        line.sendall(path + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n")
        assert drip(line, b"x").startswith(b"HTTP/1.1 ")  # answered, then cut


def test_bodies_that_stay_away_do_not_hold_up_others(served: Inside) -> None:
    lines = [served.connect() for _ in range(50)]
    for line in lines:
        line.sendall(HEAD + b"{")
    served.check()
    for line in lines:
        assert drip(line, b"").startswith(b"HTTP/1.1 408 ")


def test_a_stream_that_nobody_reads(served: Inside) -> None:
    """It ends by itself when its text fits the system's buffers, and is cut when it does not."""
    lines = []
    for _ in range(2):
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", served.port))
        line.sendall(served.request(CHAT, stream=True, n=2, logprobs=True, top_logprobs=20, **ENDLESS))
        lines.append(line)
    wait_for(lambda: sum(served.busy()) > 0)
    wait_for(lambda: served.busy() == (0, 0))  # although nobody has read or closed anything
    for line in lines:
        line.close()


def test_a_large_answer_that_nobody_reads(served: Inside) -> None:
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", served.port))
        line.sendall(served.request("/tokenize", content="word " * 800_000))
        time.sleep(0.2)
        served.check()
        assert len(json.dumps(drip(line, b"").decode("latin-1"))) < 10**7  # cut before its end, which is 17 MB away


def drip(line: socket.socket, byte: bytes) -> bytes:
    """Send a byte now and then until the server has closed the line; return what it said."""
    said = b""
    line.settimeout(0.1)
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        try:
            if byte:
                line.sendall(byte)
            part = line.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            return said
        if not part:
            return said
        said += part
    raise AssertionError("the line was never closed")
