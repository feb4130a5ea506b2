"""From the items of the Responses API to a conversation of messages."""

from __future__ import annotations

from typing import Any

from serving.api.chat import template_values
from serving.api.conversation import Amount, Conversation
from serving.api.responses_schema import CallItem, CallOutputItem, InputPart, MessageItem, ResponsesRequest


def conversation(body: ResponsesRequest) -> Conversation:
    """Return what the request asks."""
    choice = body.tool_choice
    form = body.text.format if body.text else None
    return Conversation(
        messages(body),
        param="input",
        tools=[tool.model_dump(exclude_unset=True) for tool in body.tools or []] or None,
        tool_choice=choice if choice is None or isinstance(choice, str) else choice.model_dump(),
        parallel_tool_calls=body.parallel_tool_calls,
        response_format=form.model_dump(exclude_unset=True, by_alias=True) if form else None,
        template_values=template_values(body.reasoning.effort if body.reasoning else None, body.chat_template_kwargs),
    )


def amount(body: ResponsesRequest) -> Amount:
    """Return how much the request wants."""
    top = (body.top_logprobs or 0) if body.wants_logprobs() else None
    return Amount(1, body.max_output_tokens, top)


def messages(body: ResponsesRequest) -> list[dict[str, Any]]:
    """Return the messages: the instructions first; calls that follow each other are one message of the assistant."""
    made: list[dict[str, Any]] = []
    if body.instructions is not None:
        made.append({"role": "system", "content": body.instructions})
    if isinstance(body.input, str):
        return [*made, {"role": "user", "content": body.input}]
    for item in body.input:
        match item:
            case MessageItem():
                role = "system" if item.role == "developer" else item.role
                made.append({"role": role, "content": _text(item.content)})
            case CallItem():
                if not made or made[-1]["role"] != "assistant":
                    made.append({"role": "assistant", "content": ""})
                function = {"name": item.name, "arguments": item.arguments}
                call = {"id": item.call_id, "type": "function", "function": function}
                made[-1].setdefault("tool_calls", []).append(call)
            case CallOutputItem():
                made.append({"role": "tool", "tool_call_id": item.call_id, "content": _text(item.output)})
    return made


def _text(content: str | list[InputPart]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text or part.refusal or "" for part in content)
