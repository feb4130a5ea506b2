"""From a request's fields to how the engine chooses tokens."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from serving.api.errors import ApiError
from serving.api.fields import SampledBody
from serving.engine.generation import Sampling
from serving.engine.llama import Model

_RANDOM_SEED = 0xFFFFFFFF  # llama.cpp takes a seed of its own choice for this one
_FIELDS = ("temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty", "repeat_penalty")


def samplings(body: SampledBody, model: Model, count: int) -> list[Sampling]:
    """Return the sampling of each of `count` answers: seeds count up from the request's, so that answers differ.

    What the request says goes before what the model's makers recommend, and that before OpenAI's defaults. Raises
    ApiError for a bias on a token that the model lacks.
    """
    values: dict[str, Any] = dict(model.sampling)
    values |= {name: given for name in _FIELDS if (given := getattr(body, name)) is not None}
    values["top_k"] = int(values.get("top_k", 0))
    first = secrets.randbits(32) if body.seed is None else body.seed
    one = Sampling(**values, logit_bias=_bias(body, model))
    return [replace(one, seed=(first + number) % _RANDOM_SEED) for number in range(count)]


def _bias(body: SampledBody, model: Model) -> tuple[tuple[int, float], ...]:
    bias = tuple((int(token), value) for token, value in (body.logit_bias or {}).items())
    if wrong := next((token for token, _ in bias if token >= model.size), None):
        raise ApiError(
            400,
            "serving_api.no_such_token",
            param="logit_bias",
            code="invalid_value",
            field="logit_bias",
            token=wrong,
            last=model.size - 1,
        )
    return bias
