"""Clients that send slowly, or nothing, or for ever: each is cut, and the others are served."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from serving import connections
from serving.connections import most_connections
from tests.serving.conftest import Running
from tests.serving.test_errors import chat, raw

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def connect(server: Running) -> socket.socket:
    """Return a connection to the server."""
    place = urlsplit(server.url)
    return socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=30)


def all_of(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


@pytest.fixture(scope="module")
def hasty(start: Callable[..., Running]) -> Running:
    """A server that waits one second for a body."""
    return start(body_timeout_s=1, max_body_mb=1)


@pytest.mark.parametrize("head", [b"Content-Length: 50\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
def test_a_body_that_does_not_end_is_cut(hasty: Running, head: bytes) -> None:
    with connect(hasty) as connection:
        connection.sendall(HEAD + head)
        said = all_of(connection)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in said.lower()
    error = json.loads(said.partition(b"\r\n\r\n")[2])["error"]
    assert error["code"] == "request_timeout"
    assert chat(hasty, max_tokens=2)[0] == 200


def test_a_body_sent_byte_by_byte_is_cut_too(hasty: Running) -> None:
    said = b""
    with connect(hasty) as connection:
        connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        connection.settimeout(0.05)
        limit = time.monotonic() + 30
        while not said and time.monotonic() < limit:
            connection.sendall(b" ")
            try:
                said = connection.recv(65536)
            except TimeoutError:
                continue
    assert said.startswith(b"HTTP/1.1 408 ")


def test_chunks_without_an_end_are_refused(hasty: Running) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with connect(hasty) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError, match=r"."):  # the server closes while we are still sending
            for _ in range(1000):
                connection.sendall(chunk)
    assert chat(hasty, max_tokens=2)[0] == 200


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: local", HEAD])
def test_a_head_that_does_not_come_is_cut(
    start: Callable[..., Running], sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start()
    monkeypatch.setattr(connections, "HEAD_S", 0.3)
    with connect(server) as connection:
        connection.sendall(sent)
        assert all_of(connection) == b""
    with connect(server) as connection:  # the second request of a connection has no more time than the first
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /v1/mod")
        said = all_of(connection)
        assert b"HTTP/1.1" not in said
    assert raw(server, "GET", "/v1/models")[0] == 200


def test_a_client_that_does_not_read_is_cut(start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    server = start()
    monkeypatch.setattr(connections, "UNREAD_S", 0.3)
    place = urlsplit(server.url)
    request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as connection, pytest.raises((ConnectionResetError, BrokenPipeError)):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((str(place.hostname), int(place.port or 0)))
        limit = time.monotonic() + 60
        while time.monotonic() < limit:  # asks on and on, and reads nothing: the server closes
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                connection.send(request * 10)
            time.sleep(0.05)
    assert raw(server, "GET", "/v1/models")[0] == 200


def test_a_head_that_is_too_large_is_refused(hasty: Running) -> None:
    with connect(hasty) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 70_000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert raw(hasty, "GET", "/health")[0] == 200


def test_a_refusal_with_a_body_still_on_its_way_closes_the_connection(hasty: Running) -> None:
    with connect(hasty) as connection:
        connection.sendall(
            HEAD.replace(b"localhost", b"evil.example") + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
        )
        said = all_of(connection)
    assert said.startswith(b"HTTP/1.1 403 ")


def test_connections_fit_the_open_files_of_the_system() -> None:
    assert 16 <= most_connections(1000) <= 1000
    assert most_connections(100) <= 100
