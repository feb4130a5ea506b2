"""The parts that answers of several endpoints have: usage, log-probabilities, fingerprints, server-sent events."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import llama_cpp

from serving.engine.generation import Finished, TokenLogprob
from serving.engine.llama import Model
from serving.engine.pool import Lease

LOWEST_LOGPROB = -9999.0  # JSON has no infinity; OpenAI writes this for what cannot come
TEXT = "\0text\0"  # stands for the text in what is given to `event_around_text`
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def usage(ends: Sequence[Finished], prompts: int, reasoning_tokens: int = 0) -> dict[str, Any]:
    """Return the `usage` object of answers to `prompts` prompts, each answered equally often; a prompt counts once."""
    firsts = ends[:: max(1, len(ends) // prompts)]
    prompt_tokens = sum(end.prompt_tokens for end in firsts)
    completion_tokens = sum(end.completion_tokens for end in ends)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": sum(end.cached_tokens for end in firsts)},
        "completion_tokens_details": {"reasoning_tokens": reasoning_tokens},
    }


def token_logprobs(model: Model, logprobs: Iterable[TokenLogprob]) -> list[dict[str, Any]]:
    """Return log-probabilities in the form of chat completions."""
    return [
        {
            **_token_logprob(model, one.token, one.logprob),
            "top_logprobs": [_token_logprob(model, token, logprob) for token, logprob in one.top],
        }
        for one in logprobs
    ]


def _token_logprob(model: Model, token: int, logprob: float) -> dict[str, Any]:
    data = model.piece(token, special=True)
    return {
        "token": data.decode("utf-8", "replace"),
        "logprob": max(logprob, LOWEST_LOGPROB),
        "bytes": list(data),
    }


def fingerprint(lease: Lease) -> str:
    """Return a name for what computes the answers: another file, adapter or llama.cpp gives another one."""
    served = lease.engine.served
    return _fingerprint(str(served.path), lease.adapter)


@functools.cache
def _fingerprint(path: str, adapter: str | None) -> str:
    whole = "|".join((llama_cpp.__version__, path, adapter or ""))
    return "fp_" + hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:10]


def event(data: dict[str, Any]) -> str:
    """Return one server-sent event."""
    return "data: " + _JSON.encode(data) + "\n\n"


def event_around_text(data: dict[str, Any]) -> Callable[[str], str]:
    """Return a function that makes events which are alike but for one text, where `data` has TEXT: quick, one a token."""
    before, _, after = event(data).partition(_JSON.encode(TEXT))
    return lambda text: before + _JSON.encode(text) + after
