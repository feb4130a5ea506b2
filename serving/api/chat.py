"""POST /v1/chat/completions: messages to a prompt, a prompt to the engine, events to an answer or a stream."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.api.chat_answer import ChatAnswer
from serving.api.chat_schema import ChatRequest
from serving.api.chat_shapes import ChatCompletion, ChatCompletionChunk
from serving.api.conversation import Amount, Conversation, generations
from serving.api.documents import answers
from serving.api.running import Run, respond
from serving.api.tool_schema import AllowedTools
from serving.engine.pool import Lease
from serving.rag.choosing import choose
from serving.rag.grounding import ground

router = APIRouter()


@router.post(
    "/v1/chat/completions",
    response_model=None,
    responses=answers(ChatCompletion, stream=ChatCompletionChunk),
    summary="Answer a conversation, whole or as server-sent events",
)
async def chat_completions(body: ChatRequest, request: Request) -> Response:
    """Answer a conversation: whole, or with `stream` as server-sent events that end with `[DONE]`.

    `functions` and `function_call`, the form before tools, are answered in that form. With a model named MODEL+COLLECTION, or
    with `rag`, the answer rests on documents: it carries its citations as annotations, and the sources beside its choices.
    """
    chosen = choose(request, body.model, body.rag)

    async def begin(lease: Lease) -> tuple[Run, ChatAnswer]:
        asked = conversation(body)
        found = await ground(request, chosen, asked.messages, asked.param, lease)
        made, answers = await generations(replace(asked, grounding=found), body, amount(body), lease)
        run = Run(request, lease, made)
        parsers = [answer.parser for answer in answers]
        old = body.asks_the_old_way()
        return run, ChatAnswer(run, parsers, wants_usage=body.wants_usage(), functions=old, grounding=found)

    return await respond(request, body, begin, chosen.model)


def amount(body: ChatRequest) -> Amount:
    """Return how much the request wants."""
    top = (body.top_logprobs or 0) if body.logprobs else None
    return Amount(body.n or 1, body.max_completion_tokens or body.max_tokens, top)


def conversation(body: ChatRequest) -> Conversation:
    """Return what the request asks."""
    tools, choice, parallel = body.tools, _choice(body), body.parallel_tool_calls
    plain_tools = [tool.model_dump(exclude_unset=True) for tool in tools or []]
    if body.asks_the_old_way():
        plain_tools = [
            {"type": "function", "function": function.model_dump(exclude_unset=True)}
            for function in body.functions or []
        ]
        parallel = False
    if isinstance(body.tool_choice, AllowedTools):
        allowed = {one.function.name for one in body.tool_choice.allowed_tools.tools}
        plain_tools = [tool for tool in plain_tools if tool["function"]["name"] in allowed]
    form = body.response_format
    return Conversation(
        [message.plain() for message in body.messages],
        tools=plain_tools or None,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=form.model_dump(exclude_unset=True, by_alias=True) if form else None,
        template_values=template_values(body.reasoning_effort, body.chat_template_kwargs),
    )


def template_values(effort: str | None, given: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the template may look at: the wanted effort in both forms that templates know, and the client's own."""
    values: dict[str, Any] = {}
    if effort is not None:
        values["reasoning_effort"] = effort
        values["enable_thinking"] = effort != "none"
    return {**values, **(given or {})}


def _choice(body: ChatRequest) -> Any:
    if body.asks_the_old_way():
        old = body.function_call
        return old if old is None or isinstance(old, str) else {"type": "function", "function": {"name": old.name}}
    choice = body.tool_choice
    if isinstance(choice, AllowedTools):
        return choice.allowed_tools.mode
    return choice if choice is None or isinstance(choice, str) else choice.model_dump()
