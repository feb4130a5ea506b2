"""What each key may ask: the token bucket by hand, then a real server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from serving.limits import LimitError, Limits
from tests.serving.conftest import Running, ask
from tests.serving.test_errors import chat, raw


class Clock:
    """A clock that goes on only when told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_allowance_of_a_minute_refills_evenly() -> None:
    clock = Clock()
    limits = Limits(6, 0, clock)
    for left in (5, 4, 3, 2, 1, 0):
        headers = limits.enter("ann")
        assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("6", str(left))
    assert headers["x-ratelimit-reset-requests"] == "60.000s"
    clock.now += 2.5
    with pytest.raises(LimitError) as caught:
        limits.enter("ann")
    assert caught.value.status == 429
    assert caught.value.headers["Retry-After"] == "8"  # one in 10 s, 2.5 of them are over
    limits.enter("bob")  # has an allowance of his own
    clock.now += 8
    assert limits.enter("ann")["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(LimitError):
        limits.enter("ann")
    clock.now += 3600
    assert limits.enter("ann")["x-ratelimit-remaining-requests"] == "5"  # no more than one minute's is saved up


def test_requests_at_once_are_counted_until_they_leave() -> None:
    limits = Limits(0, 2)
    assert limits.enter("ann") == {}
    limits.enter("ann")
    with pytest.raises(LimitError) as caught:
        limits.enter("ann")
    assert caught.value.headers["Retry-After"] == "1"
    limits.enter("bob")
    limits.leave("ann")
    limits.enter("ann")


def test_a_request_refused_for_one_limit_costs_nothing_of_the_other() -> None:
    clock = Clock()
    limits = Limits(2, 1, clock)
    limits.enter("ann")
    with pytest.raises(LimitError):
        limits.enter("ann")
    limits.leave("ann")
    limits.enter("ann")


@pytest.fixture
def limited(start: Callable[..., Running], tmp_path: Path) -> Running:
    """A server that allows each key three requests a minute."""
    file = tmp_path / "keys.txt"
    file.write_text("ann first-key\nann second-key\nbob third-key\n")
    return start(api_key="first-key", api_key_file=str(file), requests_per_minute=3)


def test_a_server_says_when_to_come_again(limited: Running) -> None:
    first = {"Authorization": "Bearer first-key"}
    second = {"Authorization": "Bearer second-key"}
    remaining = []
    for headers in (first, second, first):
        status, answer, _ = raw(limited, "POST", "/v1/chat/completions", b"{}", headers)
        assert status == 400  # asked for nothing, but asked
        remaining.append(answer["x-ratelimit-remaining-requests"])
    assert remaining == ["2", "1", "0"]
    status, answer, body = raw(limited, "POST", "/v1/chat/completions", b"{}", second)
    assert (status, body["error"]["code"], body["error"]["type"]) == (429, "rate_limit_exceeded", "rate_limit_error")
    assert 1 <= int(answer["retry-after"]) <= 20
    with pytest.raises(openai.RateLimitError):
        limited.client.chat.completions.create(model=limited.name, messages=ask("Say hello"))
    assert raw(limited, "GET", "/v1/models", headers=first)[0] == 200  # looking is free
    assert raw(limited, "POST", "/v1/chat/completions", b"{}", {"Authorization": "Bearer third-key"})[0] == 400


def test_a_request_that_is_still_being_sent_holds_its_place(start: Callable[..., Running]) -> None:
    server = start(requests_at_once=1)
    place = urlsplit(server.url)
    with socket.create_connection((str(place.hostname), int(place.port or 0))) as half:
        half.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        refused = wait_for(server, 429)
        assert refused["error"]["code"] == "rate_limit_exceeded"
    wait_for(server, 200)


@pytest.mark.parametrize("leave", [False, True])
def test_the_place_of_a_stream_is_given_back(start: Callable[..., Running], leave: bool) -> None:
    server = start(requests_at_once=1)
    for _ in range(3):
        stream = server.client.chat.completions.create(
            model=server.name, messages=ask("Count"), temperature=2.0, max_tokens=200, stream=True
        )
        next(stream)
        if leave:
            stream.response.close()
        else:
            list(stream)
        wait_for(server, 200)


def wait_for(server: Running, wanted: int) -> Any:
    """Ask until the answer has this status, and return it."""
    limit = time.monotonic() + 30
    while True:
        status, _, body = chat(server, max_tokens=2)
        if status == wanted:
            return body
        assert time.monotonic() < limit, f"{status} instead of {wanted}"
        time.sleep(0.05)
