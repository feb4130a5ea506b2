"""Many clients at once: each gets its own right answer, nobody starves, and a client that leaves frees its place."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from serving.engine.generation import FinishReason
from serving.engine.scheduler import Scheduler
from serving.engine.sequence import Sequence
from tests.serving.conftest import PAIRS, Running, ask


def ask_one(server: Running, question: str, stream: bool) -> str:
    """Return one greedy answer."""
    if not stream:
        whole = server.client.chat.completions.create(model=server.name, messages=ask(question), temperature=0)
        return whole.choices[0].message.content or ""
    chunks = server.client.chat.completions.create(
        model=server.name, messages=ask(question), temperature=0, stream=True
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def health(server: Running) -> dict[str, Any]:
    """Return what /health says."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    connection.request("GET", "/health")
    data: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return data


def wait_until_idle(server: Running) -> None:
    """Wait until no request runs or waits."""
    for _ in range(200):
        if (health(server)["running"], health(server)["waiting"]) == (0, 0):
            return
        time.sleep(0.05)
    raise AssertionError(f"still busy: {health(server)}")


@pytest.mark.parametrize("settings", [{"n_parallel": 8}, {"n_parallel": 3}, {"n_parallel": 4, "n_ctx": 256}])
def test_eight_clients_get_the_answers_they_get_alone(start: Callable[..., Running], settings: dict[str, int]) -> None:
    server = start(n_ctx=settings.pop("n_ctx", 4096), **settings)
    questions = [*PAIRS] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: ask_one(server, job[1], job[0] % 2 == 0), enumerate(questions)))
    assert answers == [PAIRS[question] for question in questions]
    wait_until_idle(server)


def open_stream(server: Running, body: dict[str, Any]) -> http.client.HTTPConnection:
    """Send a chat request by hand and return its connection, unread."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    data = json.dumps({"model": server.name, "temperature": 0, **body})
    connection.request("POST", "/v1/chat/completions", data, {"Content-Type": "application/json"})
    return connection


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_place(
    start: Callable[..., Running], stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(n_ctx=4096, n_parallel=1)
    reasons: list[str] = []
    original = Scheduler._finish

    def noted(self: Scheduler, sequence: Sequence, reason: FinishReason) -> None:
        reasons.append(reason)
        original(self, sequence, reason)

    monkeypatch.setattr(Scheduler, "_finish", noted)
    long = {"messages": ask("word " * 1200), "stream": stream}
    connections = [open_stream(server, long) for _ in range(4)]
    if stream:
        assert connections[0].getresponse().read(20).startswith(b"data: ")
    for _ in range(200):
        if health(server)["waiting"] >= 2:
            break
        time.sleep(0.01)
    for connection in connections:
        connection.close()
    wait_until_idle(server)
    assert reasons.count("cancelled") >= 2
    assert ask_one(server, "Say hello", True) == PAIRS["Say hello"]


def test_a_full_queue_is_said_with_a_time_to_come_back(start: Callable[..., Running]) -> None:
    server = start(n_ctx=4096, n_parallel=1, queue_size=1)
    long = "word " * 1000

    def one(_: int) -> str:
        try:
            server.client.chat.completions.create(model=server.name, messages=ask(long), temperature=0, max_tokens=50)
        except openai.RateLimitError as problem:
            assert problem.code == "queue_full"
            return str(problem.response.headers["retry-after"])
        return "answered"

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(one, range(48)))
    assert set(results) == {"answered", "2"}
    wait_until_idle(server)


def test_a_crash_of_one_turn_ends_its_answers_and_not_the_server(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashes = iter([True])
    original = Scheduler._sample

    def crashing(self: Scheduler, sequence: Sequence, logits: Any) -> None:
        if sequence.made == 5 and next(crashes, False):
            raise ZeroDivisionError
        original(self, sequence, logits)

    monkeypatch.setattr(Scheduler, "_sample", crashing)
    with pytest.raises(openai.InternalServerError):
        ask_one(server, "Count", stream=False)
    assert ask_one(server, "Count", stream=False) == PAIRS["Count"]
    crashes = iter([True])
    with pytest.raises(openai.APIError, match="engine"):
        ask_one(server, "Count", stream=True)
    assert ask_one(server, "Count", stream=True) == PAIRS["Count"]
    wait_until_idle(server)
