"""Two measures of `benchmarks.serving` that need no other server: guessing on answers that quote, and memory over time."""

from __future__ import annotations

import contextlib
import random
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.serving_model import model_file, words
from benchmarks.serving_servers import Server, Setup, running
from benchmarks.serving_work import body, quotes


def speculation(rounds: int, clients: Sequence[int], threads: int, flags: Sequence[str], quick: bool) -> dict[str, Any]:
    """Return tokens a second of answers that quote, with the server as shipped and with speculation off, and the ratios.

    Whole answers are timed, the reading of the prompt included. An answer that is all quotation is the best case there is.
    """
    setup = Setup(n_ctx=1024 * max(clients), n_parallel=max(clients), n_threads=threads)
    speeds: dict[tuple[str, int], list[float]] = {}
    same = True
    for number in range(rounds):
        with contextlib.ExitStack() as stack:
            start = stack.enter_context
            servers = {
                "shipped": start(running("mactuner", model_file("quoting"), setup, extra=flags)),
                "off": start(running("mactuner", model_file("quoting"), setup, extra=[*flags, "--speculation", "off"])),
            }
            for position, at_once in enumerate(clients):
                bodies = quotes(number * 100 + at_once, at_once if quick else max(3, at_once))
                texts = {}
                for name in servers if (number + position) % 2 == 0 else reversed(servers):
                    speed, texts[name] = _quote(servers[name], bodies, at_once)
                    said = f"round {number + 1}: quotes, {at_once} clients, {name}: {speed:.1f} tokens/s"
                    print(said, file=sys.stderr, flush=True)
                    speeds.setdefault((name, at_once), []).append(speed)
                same = same and texts["shipped"] == texts["off"]
    pairs = {one: zip(speeds["shipped", one], speeds["off", one], strict=True) for one in clients}
    return {
        "ratio": {one: statistics.median(on / off for on, off in pairs[one]) for one in clients},
        "shipped": {one: statistics.median(speeds["shipped", one]) for one in clients},
        "off": {one: statistics.median(speeds["off", one]) for one in clients},
        "same_text": same,
    }


def _quote(server: Server, bodies: list[dict[str, Any]], clients: int) -> tuple[float, list[str]]:
    """Return tokens a second and the texts; raises RuntimeError when an answer is not the beginning of its prompt."""
    began = time.perf_counter()
    answers = server.load(bodies, clients)
    elapsed_s = time.perf_counter() - began
    for answer, request in zip(answers, bodies, strict=True):
        if not request["messages"][0]["content"].startswith(answer.text):
            raise RuntimeError(f"the model that should quote wrote: {answer.text[:200]!r}")
    return sum(answer.tokens for answer in answers) / elapsed_s, [answer.text for answer in answers]


def memory(threads: int, flags: Sequence[str], quick: bool) -> dict[str, Any]:
    """Return resident bytes after 200 short requests and after 2,000 more, eight at a time, all different."""
    warm, more = (40, 200) if quick else (200, 2000)
    pick = random.Random("memory")
    bodies = [body(" ".join(pick.sample(words(), 12)), 4, seed) for seed in range(warm + more)]
    setup = Setup(n_ctx=4096, n_parallel=8, n_threads=threads)
    with running("mactuner", model_file("random"), setup, extra=flags) as server:
        print(f"memory: {warm} + {more} requests", file=sys.stderr, flush=True)
        server.load(bodies[:warm], 8)
        before = server.resident_bytes()
        server.load(bodies[warm:], 8)
        after = server.resident_bytes()
    found = {"warm_requests": warm, "more_requests": more, "before_bytes": before, "after_bytes": after}
    return found | {"growth": after / before - 1}
