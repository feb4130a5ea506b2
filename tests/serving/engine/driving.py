"""Driving a scheduler by hand: requests made of text or tokens, turns until the end, and what came out."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.engine.generation import Delta, Finished, Generation, Sampling
from serving.engine.llama import Model
from serving.engine.scheduler import Posted, Scheduler

GREEDY = Sampling(temperature=0)


def question(model: Model, text: str, max_tokens: int = 500, **values: Any) -> Generation:
    """Return a greedy request for one question."""
    prompt = f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    return Generation(model.tokenize(prompt), values.pop("sampling", GREEDY), max_tokens, **values)


def endless(model: Model) -> Sampling:
    """Return greedy sampling that never chooses an end token."""
    return Sampling(temperature=0, logit_bias=tuple((token, -100.0) for token in model.ends))


def of_tokens(tokens: Any, max_tokens: int, sampling: Sampling = GREEDY, **values: Any) -> Generation:
    """Return a request for a prompt of token ids."""
    return Generation(np.array(tokens, dtype=np.int32), sampling, max_tokens, **values)


def run(scheduler: Scheduler, *generations: Generation) -> Posted:
    """Add the requests and turn until nothing is left to do."""
    for generation in generations:
        scheduler.add(generation)
    posted: Posted = []
    for _ in range(5000):
        if not scheduler.busy:
            return posted
        posted += scheduler.turn()
    raise AssertionError("the scheduler never came to an end")


def text_of(posted: Posted, generation: Generation) -> str:
    """Return the text that one request got."""
    return "".join(event.text for one, event in posted if one is generation and isinstance(event, Delta))


def end_of(posted: Posted, generation: Generation) -> Finished:
    """Return how one request ended."""
    return next(event for one, event in posted if one is generation and isinstance(event, Finished))


def answer(scheduler: Scheduler, generation: Generation) -> tuple[str, Finished]:
    """Return text and end of one request that runs alone."""
    posted = run(scheduler, generation)
    return text_of(posted, generation), end_of(posted, generation)
