"""A follow-up question written anew by the served model itself, for the search only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.messages import text
from mactuner_core.models.template import render
from mactuner_core.rag.answer import answer_language
from serving.engine.generation import Delta, Generation, Sampling, Tokens
from serving.engine.llama import Model
from serving.engine.pool import Lease

_MOST_TOKENS = 64
_MOST_BACK = 4  # messages
_MOST_SIGNS = 600  # of each


async def written_anew(messages: Sequence[Mapping[str, Any]], lease: Lease, label: str, client: str) -> str:
    """Return the last question as the model writes it without the conversation; "" when it writes nothing that can be used.

    `label` and `client` are the request's. Raises what the engine raises. Ends with the task that waits for it.
    """
    model = lease.engine.model
    assert model is not None  # noqa: S101 - a lease is on an engine that has loaded
    tokens = await asyncio.to_thread(_read, messages, model)
    if tokens is None or len(tokens) + _MOST_TOKENS > lease.engine.longest:
        return ""
    generation = Generation(
        tokens, Sampling(temperature=0), _MOST_TOKENS, ("\n\n",), adapter=lease.adapter, label=label, client=client
    )
    try:
        lease.engine.submit(generation)
        said = [event.text async for event in generation.events() if isinstance(event, Delta)]
    finally:
        generation.cancel()
    lines = [line.strip() for line in "".join(said).rpartition("</think>")[2].splitlines() if line.strip()]
    return lines[-1][:_MOST_SIGNS] if lines else ""


def _read(messages: Sequence[Mapping[str, Any]], model: Model) -> Tokens | None:
    with model.reading():
        return _prompt(messages, model)


def _prompt(messages: Sequence[Mapping[str, Any]], model: Model) -> Tokens | None:
    told = [one for one in messages if one["role"] in ("user", "assistant") and one.get("content")][-_MOST_BACK:]
    question = str(told[-1]["content"])
    history = "\n".join(f"{one['role']}: {str(one['content'])[:_MOST_SIGNS]}" for one in told)
    asked = text("rag_answer.rewrite", answer_language(question), history=history)
    try:
        prompt = render(
            model.chat_template or "",
            [{"role": "user", "content": asked}],
            add_generation_prompt=True,
            bos_token=model.bos_token,
            eos_token=model.eos_token,
            values={"enable_thinking": False},
        )
    except InputError:
        return None
    return model.tokenize(prompt)
