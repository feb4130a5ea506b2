"""Clients that leave, at every point there is, and many at once: what they held is free again."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import PAIRS, Taught, ask
from tests.serving.fuzz.bodies import CHAT, DETOKENIZE, PLAIN, RESPONSES, TOKENIZE
from tests.serving.fuzz.conftest import wait_for
from tests.serving.fuzz.inside import Inside, inside

ENDLESS: dict[str, Any] = {"temperature": 2.0, "logit_bias": {"2": -100, "0": -100}}
ANSWERS: dict[str, dict[str, Any]] = {
    CHAT: {"messages": ask("Count"), "n": 3, "max_tokens": 100_000, **ENDLESS},
    PLAIN: {"prompt": ["Count", "on"], "max_tokens": 100_000, **ENDLESS},
    RESPONSES: {"input": "Count", "max_output_tokens": 100_000, **ENDLESS},
}


@pytest.fixture(scope="module")
def served(taught: Taught) -> Iterator[Inside]:
    """A server with room for two answers and four that wait."""
    with inside(model=str(taught.gguf), n_ctx=4096, n_parallel=2, queue_size=4, embedding_model="none") as made:
        yield made


@pytest.fixture(autouse=True)
def _as_before(served: Inside) -> Iterator[None]:
    threads = set(_threads())
    yield
    served.check()
    wait_for(lambda: set(_threads()) <= threads)


def test_leaving_after_every_part_of_a_request(served: Inside) -> None:
    request = served.request(CHAT, messages=ask("Count"))
    for length in [*range(0, len(request), 7), len(request) - 1]:
        with served.connect() as connection:
            connection.sendall(request[:length])


@pytest.mark.parametrize("path", ANSWERS)
@pytest.mark.parametrize("stream", [True, False])
def test_leaving_right_after_a_whole_request(served: Inside, path: str, stream: bool) -> None:
    for _ in range(5):
        served.post(path, stream=stream, **ANSWERS[path]).close()


@pytest.mark.parametrize("path", ANSWERS)
def test_leaving_after_every_part_of_a_stream(served: Inside, path: str) -> None:
    for length in range(1, 1200, 150):
        with served.post(path, stream=True, **ANSWERS[path]) as connection:
            _read(connection, length)


@pytest.mark.parametrize("stream", [True, False])
def test_leaving_while_others_are_before(served: Inside, stream: bool) -> None:
    long = [served.post(CHAT, stream=True, **{**ANSWERS[CHAT], "n": 1}) for _ in range(2)]
    wait_for(lambda: served.busy()[0] == 2)
    waiting = [served.post(path, stream=stream, **ANSWERS[path]) for path in ANSWERS]
    wait_for(lambda: served.busy()[1] >= 3)
    for connection in waiting:
        connection.close()
    wait_for(lambda: served.busy()[1] == 0)  # gone, although those before them still run
    for connection in long:
        connection.close()


def test_a_reset_in_the_middle(served: Inside) -> None:
    for length in (1, 300, 900):
        connection = served.post(CHAT, stream=True, **ANSWERS[CHAT])
        _read(connection, length)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close at once, with RST
        connection.close()


def test_half_a_goodbye_is_none(served: Inside) -> None:
    with served.post(CHAT, messages=ask("Say hello"), temperature=0) as connection:
        wait_for(lambda: served.busy() == (0, 0))
        assert PAIRS["Say hello"].encode() in _read(connection, 10_000, b"}}}")


def test_two_hundred_at_once(served: Inside) -> None:
    def one(number: int) -> int:
        fields: dict[str, Any] = {"messages": ask("Say hello"), "temperature": 0, "stream": number % 2 == 0}
        with served.post(CHAT, **fields) as connection:
            if number % 5 == 0:
                return 0  # does not wait for the answer
            said = _read(connection, 100_000, b"\r\n0\r\n\r\n" if number % 2 == 0 else b"}}}")
        status = int(said.split(b" ", 2)[1])
        if status == 429:
            assert b"retry-after" in said
        else:
            words = re.findall(rb'"content":"([^"]*)"', said)
            assert b"".join(words).decode() == PAIRS["Say hello"]
        return status

    with ThreadPoolExecutor(200) as many:
        statuses = set(many.map(one, range(200)))
    assert statuses <= {0, 200, 429}
    assert 200 in statuses


def test_two_hundred_that_only_hold_the_line(served: Inside) -> None:
    lines = [served.connect() for _ in range(200)]
    for number, line in enumerate(lines):
        line.sendall(served.request(CHAT, messages=ask("x"))[: number % 120])
    served.check()  # others are answered meanwhile
    for line in lines:
        line.close()


def test_leaving_while_a_model_is_loaded_or_read(taught: Taught, adapter: Path, tmp_path: Path) -> None:
    """Two models of which one fits: each request for the other unloads the first, whatever its readers still do."""
    other = tmp_path / "other.gguf"
    other.write_bytes(taught.gguf.read_bytes())
    long = {"content": "word " * 200_000}
    values: dict[str, Any] = {
        "model": [str(taught.gguf), str(other)],
        "max_loaded_models": 1,
        "n_ctx": 2048,
        "embedding_model": "none",
    }
    with inside(**values) as both:
        for number in range(12):
            name = ("other", both.server.name)[number % 2]
            reader = both.post(TOKENIZE, name, **long)
            time.sleep(number / 40)  # it loads, or reads by now
            reader.close()
        joiner = both.post(DETOKENIZE, "other", tokens=[5] * 300_000)
        joiner.close()
        both.post(CHAT, "other", **ANSWERS[CHAT]).close()


@pytest.mark.parametrize("stream", [True, False])
def test_a_stop_in_the_middle(taught: Taught, stream: bool) -> None:
    """The server ends although answers are on their way; those who wait are told, and nothing hangs."""
    values: dict[str, Any] = {"model": str(taught.gguf), "n_parallel": 2, "shutdown_s": 0, "embedding_model": "none"}
    with inside(stays=False, **values) as served:
        waiting = [served.post(path, stream=stream, **ANSWERS[path]) for path in ANSWERS]
        wait_for(lambda: served.busy()[0] == 2)
    for connection in waiting:
        said = _read(connection, 10**9)
        assert b"not_ready" in said or b"[DONE]" in said or b"response.failed" in said or not said
        connection.close()


def _read(connection: socket.socket, length: int, until: bytes = b"") -> bytes:
    """Read so many bytes, or up to the mark, or to the end."""
    said = b""
    while len(said) < length and not (until and until in said):
        try:
            part = connection.recv(min(65536, length - len(said)))
        except ConnectionError:
            break
        if not part:
            break
        said += part
    return said


def _threads() -> list[str]:
    """Return the names of the threads, without the pool that grows up to its size as it is used."""
    return [one.name for one in threading.enumerate() if not one.name.startswith(("asyncio_", "uvloop_"))]
