"""The Responses API through the openai client: create, stream and parse, every event, and what needs memory refused."""

from __future__ import annotations

import json
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

from tests.serving.conftest import PAIRS, Running, ask
from tests.serving.test_chat import answer
from tests.serving.test_many import wait_until_idle

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Seoul", "Busan"]}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: Any = {"type": "function", "name": "get_weather", "parameters": PARAMETERS, "strict": True}


class Verdict(BaseModel):
    """What an answer must look like."""

    mood: Literal["good", "bad"]


def respond(server: Running, asked: Any = "Say hello", **options: Any) -> Any:
    """Return a response, greedy unless told otherwise."""
    return server.client.responses.create(model=server.name, input=asked, **{"temperature": 0, **options})


def test_a_response_has_openai_s_shape(server: Running) -> None:
    wait_until_idle(server)  # a short prompt is found again in its own place only, which others may have taken
    response = respond(server, metadata={"a": "b"}, store=True)
    assert (response.object, response.status, response.model) == ("response", "completed", server.name)
    assert response.id.startswith("resp_")
    (message,) = response.output
    assert (message.type, message.role, message.status) == ("message", "assistant", "completed")
    assert response.output_text == PAIRS["Say hello"]
    assert response.metadata == {"a": "b"}
    assert response.store is False  # nothing is kept, whatever was asked
    assert (response.error, response.incomplete_details, response.previous_response_id) == (None, None, None)
    use = answer(server, "Say hello").usage
    assert (response.usage.input_tokens, response.usage.output_tokens) == (use.prompt_tokens, use.completion_tokens)
    assert respond(server).usage.input_tokens_details.cached_tokens == use.prompt_tokens - 1


def test_items_are_a_conversation(server: Running) -> None:
    first = respond(server)
    items = [{"role": "user", "content": [{"type": "input_text", "text": "Say hello"}]}, *first.output]
    second = respond(server, [*items, {"type": "message", "role": "user", "content": "Count"}], max_output_tokens=3)
    chat: list[Any] = [*ask("Say hello"), {"role": "assistant", "content": PAIRS["Say hello"]}, *ask("Count")]
    same = server.client.chat.completions.create(model=server.name, messages=chat, temperature=0, max_tokens=3)
    assert second.output_text == same.choices[0].message.content
    assert same.usage
    assert second.usage.input_tokens == same.usage.prompt_tokens


def test_instructions_come_first(server: Running) -> None:
    with_them = respond(server, instructions="Be brief.", max_output_tokens=2).usage.input_tokens
    same = respond(server, [{"role": "developer", "content": "Be brief."}, *ask("Say hello")], max_output_tokens=2)
    assert with_them == same.usage.input_tokens > respond(server, max_output_tokens=2).usage.input_tokens


def test_an_answer_that_was_cut_is_incomplete(server: Running) -> None:
    response = respond(server, "Count", max_output_tokens=4)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert response.output[0].status == "incomplete"
    events = list(respond(server, "Count", max_output_tokens=4, stream=True))
    assert events[-1].type == "response.incomplete"


def test_every_event_of_a_stream(server: Running) -> None:
    events = list(respond(server, stream=True))
    kinds = [event.type for event in events if event.type != "response.output_text.delta"]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 3
    assert "".join(deltas) == PAIRS["Say hello"]
    final = events[-1].response
    assert final.output_text == PAIRS["Say hello"]
    assert {event.response.id for event in events if hasattr(event, "response")} == {final.id}
    assert events[0].response.status == "in_progress"
    assert final.usage.total_tokens == respond(server).usage.total_tokens
    for event in events:  # as strictly as the package's own types say
        type(event).model_validate_json(event.model_dump_json(), strict=False)


def test_the_client_s_own_stream(server: Running) -> None:
    with server.client.responses.stream(model=server.name, input="Say hello", temperature=0) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert snapshots[-1] == final.output_text == PAIRS["Say hello"]


def test_logprobs(server: Running) -> None:
    text = respond(server, top_logprobs=2, include=["message.output_text.logprobs"]).output[0].content[0]
    assert bytes(byte for one in text.logprobs for byte in one.bytes).decode().startswith(text.text)
    assert all(len(one.top_logprobs) == 2 for one in text.logprobs)
    events = list(respond(server, top_logprobs=2, stream=True))
    deltas = [one.token for event in events if event.type == "response.output_text.delta" for one in event.logprobs]
    assert deltas == [one.token for one in text.logprobs][: len(deltas)]
    assert respond(server).output[0].content[0].logprobs == []


def test_a_call_and_its_answer(server: Running) -> None:
    response = respond(server, tools=[WEATHER], tool_choice="required")
    (call,) = response.output
    assert (call.type, call.name, call.status) == ("function_call", "get_weather", "completed")
    assert json.loads(call.arguments)["city"] in ("Seoul", "Busan")
    assert response.tools[0].name == "get_weather"
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    again = respond(server, [*ask("Say hello"), call, result], tools=[WEATHER], max_output_tokens=2)
    assert again.usage.input_tokens > response.usage.input_tokens


def test_a_streamed_call(server: Running) -> None:
    named = {"type": "function", "name": "get_weather"}
    events = list(respond(server, tools=[WEATHER], tool_choice=named, stream=True))
    kinds = list(dict.fromkeys(event.type for event in events))
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    arguments = "".join(event.delta for event in events if event.type.endswith("arguments.delta"))
    done = next(event for event in events if event.type.endswith("arguments.done"))
    assert arguments == done.arguments == events[-1].response.output[0].arguments
    assert json.loads(arguments)["city"] in ("Seoul", "Busan")


def test_parse(server: Running) -> None:
    response = server.client.responses.parse(model=server.name, input="x", text_format=Verdict, temperature=1.5)
    assert isinstance(response.output_parsed, Verdict)
    with server.client.responses.stream(model=server.name, input="x", text_format=Verdict, temperature=0) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Verdict)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True}, "background"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input.0.role"),
        ({"input": [{"role": "user"}]}, "input.0.content"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input.0.content.0"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "no"}}}}, "text.format"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"input": "word " * 5000}, "input"),
        ({"n": 2}, "n"),
        ({"temperature": -1}, "temperature"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_field_is_named(server: Running, fields: dict[str, Any], param: str) -> None:
    body = {"model": server.name, "input": "x", **fields}
    with pytest.raises(openai.BadRequestError) as caught:
        server.client.post("/responses", body=body, cast_to=object)
    assert caught.value.param == param


def test_nothing_is_kept(server: Running) -> None:
    kept = respond(server)
    with pytest.raises(openai.NotFoundError):
        server.client.responses.retrieve(kept.id)
