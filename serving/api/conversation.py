"""From a conversation to the engine's generations: the same for chat completions and the Responses API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.models.template import render
from serving.api.errors import ApiError
from serving.api.fields import SampledBody
from serving.api.sampling import samplings
from serving.engine.engine import Engine
from serving.engine.generation import Generation, Tokens
from serving.engine.llama import Model
from serving.engine.pool import Lease
from serving.rag.grounding import Grounding
from serving.structured import Answer, Plan, prepare


@dataclass(frozen=True)
class Conversation:
    """What is asked, as plain JSON data; `param` is the field that holds the messages, `grounding` what documents say on it."""

    messages: list[dict[str, Any]]
    param: str = "messages"
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    template_values: Mapping[str, Any] = field(default_factory=dict)
    grounding: Grounding | None = None


@dataclass(frozen=True)
class Amount:
    """How much is wanted: answers, tokens of each (None: the server's own limit), likeliest tokens in each place."""

    answers: int = 1
    max_tokens: int | None = None
    top_logprobs: int | None = None


async def generations(
    conversation: Conversation, body: SampledBody, amount: Amount, lease: Lease
) -> tuple[list[Generation], list[Answer]]:
    """Return one generation for each answer, and what parses its text; raises ApiError or InputError."""
    model = loaded(lease.engine)
    sampled = samplings(body, model, amount.answers)
    plan, tokens, answers = await asyncio.to_thread(_read_safely, conversation, lease.engine, amount)
    limit = amount.max_tokens or lease.engine.settings.max_tokens
    made = [
        Generation(
            tokens,
            sampling,
            limit,
            body.stop_words(),
            constraint=answer.constraint,
            top_logprobs=amount.top_logprobs,
            special=plan.special,
        )
        for sampling, answer in zip(sampled, answers, strict=True)
    ]
    return made, answers


def loaded(engine: Engine) -> Model:
    """Return the model of an engine that is ready."""
    assert engine.model is not None  # noqa: S101 - a lease is on an engine that has loaded
    return engine.model


def check_length(tokens: Tokens | Sequence[int], longest: int, param: str) -> None:
    """Raise ApiError when a prompt leaves no room for an answer, or holds nothing."""
    if len(tokens) >= longest:
        values = {"length": len(tokens), "limit": longest}
        raise ApiError(400, "serving.too_long", param=param, code="context_length_exceeded", **values)
    if not len(tokens):
        raise ApiError(400, "serving.empty_prompt", param=param, code="invalid_value")


def _read_safely(conversation: Conversation, engine: Engine, amount: Amount) -> tuple[Plan, Tokens, list[Answer]]:
    """Read with the model kept in memory: when the client leaves, the lease ends before this thread does."""
    with loaded(engine).reading():
        return _read(conversation, engine, amount)


def _read(conversation: Conversation, engine: Engine, amount: Amount) -> tuple[Plan, Tokens, list[Answer]]:
    """Return the plan, the prompt's tokens, and what constrains and parses each answer. Runs beside the event loop: it can take a while."""
    model = loaded(engine)
    plan = prepare(
        model,
        conversation.messages,
        tools=conversation.tools,
        tool_choice=conversation.tool_choice,
        parallel_tool_calls=conversation.parallel_tool_calls,
        response_format=conversation.response_format,
    )

    def rendered(messages: list[dict[str, Any]]) -> str:
        return render(
            model.chat_template or "",
            messages,
            add_generation_prompt=True,
            bos_token=model.bos_token,
            eos_token=model.eos_token,
            tools=plan.tools,
            values=conversation.template_values,
        )

    try:
        messages = plan.messages
        if conversation.grounding:
            messages = conversation.grounding.place(
                messages, model, rendered, engine.longest - _answer_room(amount, engine)
            )
        prompt = rendered(messages)
    except InputError as problem:
        code = "invalid_value"
        raise ApiError(400, problem.code, param=conversation.param, code=code, **problem.values) from problem
    tokens = model.tokenize(prompt)
    check_length(tokens, engine.longest, conversation.param)
    return plan, tokens, [plan.answer(prompt) for _ in range(amount.answers)]


def _answer_room(amount: Amount, engine: Engine) -> int:
    """Return how many tokens sources leave for the answer: what is asked, at most half of the window; a quarter if nothing is."""
    if amount.max_tokens is None:
        return min(engine.settings.max_tokens, engine.longest // 4)
    return min(amount.max_tokens, engine.longest // 2)
