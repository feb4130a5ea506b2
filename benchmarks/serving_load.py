"""The clients of `benchmarks.serving`: threads that stream answers and note when each piece came. Standard library only.

A thread for each client, each with one connection at a time: a light load beside a server that computes on all cores.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

TIMEOUT_S = 600


@dataclass
class Answer:
    """A streamed answer: moments in seconds of `time.perf_counter`, one of `pieces` for each piece of text."""

    sent: float
    pieces: list[float] = field(default_factory=list)
    text: str = ""
    tokens: int = 0  # as the server counted them, else the pieces
    finish_reason: str = ""

    @property
    def first_s(self) -> float:
        """Seconds to the first piece of text."""
        return self.pieces[0] - self.sent

    @property
    def gaps_s(self) -> list[float]:
        """Seconds between one piece and the next."""
        return [after - before for before, after in zip(self.pieces, self.pieces[1:], strict=False)]


def ask(port: int, body: dict[str, Any]) -> Answer:
    """Stream one chat completion; raises RuntimeError with the server's words when it refuses, OSError when it is away."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    data = json.dumps(body | {"stream": True, "stream_options": {"include_usage": True}})
    answer = Answer(time.perf_counter())
    try:
        connection.request("POST", "/v1/chat/completions", data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"status {response.status}: {response.read(2000)!r}")
        while line := response.readline():
            if line.startswith(b"data: ") and line[6:].strip() != b"[DONE]":
                _note(answer, json.loads(line[6:]))
    finally:
        connection.close()
    if not answer.pieces:
        raise RuntimeError("an answer without text")
    answer.tokens = answer.tokens or len(answer.pieces)
    return answer


def load(port: int, bodies: Sequence[dict[str, Any]], clients: int) -> list[Answer]:
    """Ask all of `bodies`, `clients` at a time, and return the answers in their order; raises a client's first error."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(bodies)):
        waiting.put(number)
    answers: dict[int, Answer] = {}
    problems: list[Exception] = []

    def client() -> None:
        try:
            while not problems:
                number = waiting.get_nowait()
                answers[number] = ask(port, bodies[number])
        except Empty:
            return
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return [answers[number] for number in sorted(answers)]


def _note(answer: Answer, chunk: dict[str, Any]) -> None:
    if "error" in chunk:
        raise RuntimeError(f"an error in the stream: {chunk['error']}")
    for choice in chunk.get("choices") or []:
        if text := choice["delta"].get("content"):
            answer.pieces.append(time.perf_counter())
            answer.text += text
        answer.finish_reason = choice.get("finish_reason") or answer.finish_reason
    if usage := chunk.get("usage"):
        answer.tokens = usage["completion_tokens"]
