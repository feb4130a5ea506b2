"""From a row of logits to the next token: llama.cpp's sampler chain, constraints, and log-probabilities."""

from __future__ import annotations

from typing import Any

import llama_cpp.llama_cpp as cpp
import numpy as np
import numpy.typing as npt

from serving.engine.generation import Constraint, Sampling, TokenLogprob
from serving.engine.llama import Model

_PENALTY_TOKENS = 256  # how far back the repetition penalties look

Row = npt.NDArray[np.float32]


def is_plain_greedy(sampling: Sampling) -> bool:
    """Tell whether the likeliest token is the answer as it stands, so that no sampler is needed."""
    penalties = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
    return sampling.temperature <= 0 and penalties == (1.0, 0.0, 0.0)


def make_sampler(model: Model, sampling: Sampling) -> Any:
    """Return a sampler chain for one request, in llama.cpp's own order; free it with `free_sampler`.

    None for plain greedy sampling, which is an argmax. The logit bias is applied to the row before, by `prepare`.
    """
    if is_plain_greedy(sampling):
        return None
    chain = cpp.llama_sampler_chain_init(cpp.llama_sampler_chain_default_params())
    penalties = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
    if penalties != (1.0, 0.0, 0.0):
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_penalties(model.size, _PENALTY_TOKENS, *penalties))
    if sampling.temperature <= 0:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_greedy())
        return chain
    if sampling.top_k > 0:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p < 1:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p > 0:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_min_p(sampling.min_p, 1))
    if sampling.temperature != 1:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_temp(sampling.temperature))
    cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_dist(sampling.seed))
    return chain


def free_sampler(sampler: Any) -> None:
    """Free a sampler chain."""
    if sampler is not None:
        cpp.llama_sampler_free(sampler)


def prepare(row: Row, sampling: Sampling, constraint: Constraint | None) -> None:
    """Change the logits in place: add the bias, and rule out what the constraint does not allow."""
    for token, bias in sampling.logit_bias:
        row[token] += bias
    if constraint is not None:
        row[~constraint.mask()] = -np.inf


def logprob_of(row: Row, token: int, top: int) -> TokenLogprob:
    """Return the log-probability of `token` and of the `top` likeliest ones, from logits nobody has changed."""
    peak = float(row.max())
    total = peak + float(np.log(np.exp(row - peak).sum(dtype=np.float64)))
    likeliest: list[tuple[int, float]] = []
    if top:
        best = np.argpartition(row, -top)[-top:]
        best = best[np.argsort(-row[best], kind="stable")]
        likeliest = [(int(one), float(row[one]) - total) for one in best]
    return TokenLogprob(token, float(row[token]) - total, tuple(likeliest))
