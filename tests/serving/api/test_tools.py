"""Tools and structured answers end to end: the grammar holds them, the openai client reads them."""

from __future__ import annotations

import json
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

from tests.serving.conftest import Running, ask
from tests.serving.test_chat import answer, streamed

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Seoul", "Busan"]}, "days": {"type": "integer", "enum": [1, 2]}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
FUNCTION: dict[str, Any] = {"name": "get_weather", "description": "날씨", "parameters": PARAMETERS}
WEATHER: Any = {"type": "function", "function": FUNCTION}
TIME: Any = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
NAMED = {"type": "function", "function": {"name": "get_weather"}}


def fits(arguments: str) -> bool:
    """Tell whether the arguments of a call follow the schema."""
    values = json.loads(arguments)
    return set(values) == {"city", "days"} and values["city"] in ("Seoul", "Busan") and values["days"] in (1, 2)


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_call_that_must_come(server: Running, choice: Any) -> None:
    chosen = answer(server, "Say hello", tools=[WEATHER], tool_choice=choice).choices[0]
    assert chosen.finish_reason == "tool_calls"
    (call,) = chosen.message.tool_calls
    assert (call.type, call.function.name) == ("function", "get_weather")
    assert call.id
    assert fits(call.function.arguments)
    assert chosen.message.content is None


def test_a_streamed_call(server: Running) -> None:
    chunks = streamed(server, "Say hello", tools=[WEATHER, TIME], tool_choice=NAMED, parallel_tool_calls=False)
    parts = [part for chunk in chunks for part in chunk.choices[0].delta.tool_calls or []]
    assert (parts[0].index, parts[0].type, parts[0].function.name) == (0, "function", "get_weather")
    assert parts[0].id
    assert all(part.id is None for part in parts[1:])
    assert fits("".join(part.function.arguments for part in parts))
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert not any(chunk.choices[0].delta.content for chunk in chunks)


def test_only_allowed_tools_are_called(server: Running) -> None:
    allowed = {"mode": "required", "tools": [NAMED]}
    choice: Any = {"type": "allowed_tools", "allowed_tools": allowed}
    for seed in range(3):
        chosen = answer(server, "x", tools=[TIME, WEATHER], tool_choice=choice, temperature=1.5, seed=seed).choices[0]
        assert {call.function.name for call in chosen.message.tool_calls} == {"get_weather"}


def test_no_tool_is_called_when_none_may(server: Running) -> None:
    chosen = answer(server, "Say hello", tools=[WEATHER], tool_choice="none", max_tokens=20).choices[0]
    assert chosen.message.tool_calls is None
    assert chosen.finish_reason in ("stop", "length")


def test_one_call_when_several_are_not_wanted(server: Running) -> None:
    for seed in range(3):
        options = {"parallel_tool_calls": False, "temperature": 1.5, "seed": seed}
        chosen = answer(server, "x", tools=[WEATHER], tool_choice="required", **options).choices[0]
        assert len(chosen.message.tool_calls) == 1


@pytest.mark.parametrize("stream", [True, False])
def test_functions_are_answered_as_functions(server: Running, stream: bool) -> None:
    options = {"functions": [FUNCTION], "function_call": {"name": "get_weather"}}
    if stream:
        chunks = streamed(server, "Say hello", **options)
        parts = [chunk.choices[0].delta.function_call for chunk in chunks if chunk.choices[0].delta.function_call]
        name, arguments = parts[0].name, "".join(part.arguments for part in parts)
        reason = chunks[-1].choices[0].finish_reason
    else:
        chosen = answer(server, "Say hello", **options).choices[0]
        name, arguments = chosen.message.function_call.name, chosen.message.function_call.arguments
        reason = chosen.finish_reason
        assert chosen.message.tool_calls is None
    assert (name, reason) == ("get_weather", "function_call")
    assert fits(arguments)


def test_a_conversation_with_calls_goes_on(server: Running) -> None:
    first = answer(server, "Say hello", tools=[WEATHER], tool_choice="required").choices[0].message
    call = first.tool_calls[0]
    history = [
        *ask("Say hello"),
        first.model_dump(),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]

    def prompt_tokens(messages: list[Any]) -> int:
        response = server.client.chat.completions.create(
            model=server.name, messages=messages, tools=[WEATHER], max_tokens=1
        )
        return int(response.usage.prompt_tokens) if response.usage else 0

    assert prompt_tokens(history) > prompt_tokens(history[:2]) > prompt_tokens(history[:1])
    old = {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}}
    assert prompt_tokens([*ask("x"), old, {"role": "function", "name": "get_weather", "content": "sunny"}]) > 0


class Verdict(BaseModel):
    """What an answer must look like."""

    mood: Literal["good", "bad"]
    score: Literal[1, 2, 3]


def test_a_schema_is_followed(server: Running) -> None:
    for seed in range(3):
        response = server.client.chat.completions.parse(
            model=server.name, messages=ask("x"), response_format=Verdict, temperature=1.5, seed=seed
        )
        assert isinstance(response.choices[0].message.parsed, Verdict)


def test_a_schema_is_followed_in_a_stream(server: Running) -> None:
    with server.client.chat.completions.stream(
        model=server.name, messages=ask("x"), response_format=Verdict, temperature=0
    ) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert isinstance(final.choices[0].message.parsed, Verdict)


def test_any_json_object(server: Running) -> None:
    bias = {"logit_bias": None}
    chosen = answer(server, "x", response_format={"type": "json_object"}, max_tokens=400, **bias).choices[0]
    if chosen.finish_reason == "stop":
        assert isinstance(json.loads(chosen.message.content), dict)
    else:
        assert chosen.message.content.lstrip().startswith("{")


def test_tools_can_be_read_as_models(server: Running) -> None:
    tool = openai.pydantic_function_tool(Verdict)
    response = server.client.chat.completions.parse(
        model=server.name, messages=ask("x"), tools=[tool], tool_choice="required", temperature=0
    )
    (call,) = response.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, Verdict)


def test_a_schema_that_cannot_be_enforced_is_refused(server: Running) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "https://example.com/other.json"}}}
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    with pytest.raises(openai.BadRequestError) as caught:
        answer(server, "x", response_format=form)
    assert str(caught.value.param).startswith("response_format")
