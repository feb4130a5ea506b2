"""What embedding a question a second costs the answer that the server writes meanwhile, in tokens a second."""

from __future__ import annotations

import http.client
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.serving_model import model_file, words
from benchmarks.serving_servers import Server, Setup, running
from benchmarks.serving_work import body
from mactuner_core.hardware import detect
from mactuner_core.rag.config import PACKAGED

_EVERY_S = 1.0
_ANSWER_TOKENS = 64


def serving(quick: bool, threads: int) -> dict[str, Any]:
    """Return tokens a second of one client's answers with and without questions being embedded, in turns, and the cost."""
    rounds, answers = (2, 2) if quick else (6, 4)
    model = model_file("random")
    speeds: dict[str, list[float]] = {"alone": [], "embedding": []}
    waits: list[float] = []
    with running("mactuner", model, Setup(n_ctx=2048, n_parallel=1, n_threads=detect().cores)) as server:
        _embed(server.port, "the first question loads the model")
        for number in range(rounds):
            for name in list(speeds) if number % 2 == 0 else list(reversed(speeds)):
                bodies = _bodies(f"{number} {name}", answers)
                speed, found = _speed(server, bodies, name == "embedding")
                print(f"round {number + 1}: {name}: {speed:.1f} tokens/s", file=sys.stderr, flush=True)
                speeds[name].append(speed)
                waits += found
    ratios = [with_ / alone for with_, alone in zip(speeds["embedding"], speeds["alone"], strict=True)]
    return {
        "rounds": rounds,
        "tokens_per_second_alone": round(statistics.median(speeds["alone"]), 2),
        "tokens_per_second_embedding": round(statistics.median(speeds["embedding"]), 2),
        "cost": round(1 - statistics.median(ratios), 4),
        "embedded": len(waits),
        "embedding_median_ms": round(1000 * statistics.median(waits), 1),
    }


def _bodies(seed: str, count: int) -> list[dict[str, Any]]:
    pick = random.Random(seed)
    return [body(" ".join(pick.sample(words(), 25)), _ANSWER_TOKENS, number) for number in range(count)]


def _speed(server: Server, bodies: Sequence[dict[str, Any]], embedding: bool) -> tuple[float, list[float]]:
    """Return tokens a second of the answers, and how long each embedded question took."""
    done, waits = threading.Event(), list[float]()
    asker = threading.Thread(target=_ask_on, args=(server.port, done, waits))
    if embedding:
        asker.start()
    began = time.perf_counter()
    try:
        answers = server.load(bodies, 1)
        elapsed_s = time.perf_counter() - began
    finally:
        done.set()
        if embedding:
            asker.join()
    return sum(answer.tokens for answer in answers) / elapsed_s, waits


def _ask_on(port: int, done: threading.Event, waits: list[float]) -> None:
    pick = random.Random(port)
    while not done.is_set():
        began = time.perf_counter()
        _embed(port, " ".join(pick.sample(words(), 12)))
        waits.append(time.perf_counter() - began)
        done.wait(max(0.0, _EVERY_S - waits[-1]))


def _embed(port: int, text: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        data = json.dumps({"model": PACKAGED, "input": text})
        connection.request("POST", "/v1/embeddings", data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        said = response.read()
        if response.status != 200:
            raise RuntimeError(f"status {response.status}: {said[:500]!r}")
    finally:
        connection.close()
