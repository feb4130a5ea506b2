"""What completions look like, for the OpenAPI document."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from serving.api.chat_shapes import Usage


class CompletionLogprobs(BaseModel):
    """Tokens side by side: text, log-probability, the likeliest in its place, and where its text begins."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


class CompletionChoice(BaseModel):
    """One answer, or the next part of it; answers to the first prompt come first."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Literal["stop", "length"] | None


class Completion(BaseModel):
    """An answer, or one event of a stream."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[CompletionChoice]
    usage: Usage | None = None
