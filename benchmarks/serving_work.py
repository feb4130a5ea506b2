"""What `benchmarks.serving` asks: the same requests of every server, other ones in every round, so that no answer is known.

A cell is a kind of work and a number of clients. Answers are sampled with a fixed seed and all as long as asked.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from benchmarks.serving_model import words

MODEL_NAME = "m"
SHARED_TOKENS = 1500


@dataclass(frozen=True)
class Work:
    """A kind of work: words of a question (a token each), tokens of the answer, requests for each client and in all."""

    question: int
    answer: int
    each: float
    least: int
    shared: int = 0  # words that all the cell's questions begin with


WORK = {
    "short": Work(question=25, answer=64, each=2, least=4),
    "long": Work(question=1200, answer=64, each=1, least=3),
    "shared": Work(question=25, answer=32, each=1.5, least=4, shared=SHARED_TOKENS),
}


def requests(
    kind: str, clients: int, round_number: int, quick: bool = False
) -> tuple[dict[str, Any] | None, list[Any]]:
    """Return what to ask first (None unless the work shares a prefix: the first to send it) and the requests of the cell."""
    work = WORK[kind]
    pick = random.Random(f"{kind} {clients} {round_number}")
    shared = pick.sample(words(), work.shared)
    count = clients if quick else max(work.least, round(work.each * clients))
    bodies = [
        body(" ".join([*shared, *pick.sample(words(), work.question)]), work.answer, seed)
        for seed in range(count + bool(shared))
    ]
    return (bodies[0], bodies[1:]) if shared else (None, bodies)


def body(text: str, tokens: int, seed: int) -> dict[str, Any]:
    """Return a sampled request for an answer of `tokens` tokens."""
    sampling = {"temperature": 1.0, "top_k": 40, "top_p": 1.0, "min_p": 0.0, "seed": seed}
    return {"model": MODEL_NAME, "messages": [{"role": "user", "content": text}], "max_tokens": tokens, **sampling}


def quotes(round_number: int, count: int, tokens: int = 192) -> list[dict[str, Any]]:
    """Return greedy requests whose answers quote the first `tokens` words of their prompts."""
    pick = random.Random(f"quotes {round_number}")
    made = [body(" " + " ".join(pick.sample(words(), 300)) + ".", tokens, 0) for _ in range(count)]
    return [one | {"temperature": 0.0} for one in made]
