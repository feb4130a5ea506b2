"""Messages with tools reach a template as transformers would give them; for other templates they become text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from transformers import AutoTokenizer

from mactuner_core.models.template import render
from serving.engine.llama import Model
from serving.structured import prepare
from serving.structured.formats import format_of
from tests.serving.conftest import Taught
from tests.serving.structured import chat_templates as templates

NATIVE = {
    "hermes": templates.HERMES,
    "qwen_xml": templates.QWEN_XML,
    "llama_json": templates.LLAMA,
    "mistral_list": templates.MISTRAL,
    "mistral_args": templates.MISTRAL_ARGS,
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "날씨를 알려 준다",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TALK: list[dict[str, Any]] = [
    {"role": "user", "content": "서울 날씨는?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_0123456789abcdef",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city": "서울", "days": [1, 2]}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_0123456789abcdef", "content": "맑음"},
    {"role": "assistant", "content": "맑아요."},
    {"role": "user", "content": "부산은?"},
]


def prompt_of(model: Model, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> str:
    return render(
        model.chat_template or "",
        messages,
        tools=tools,
        add_generation_prompt=True,
        bos_token=model.bos_token,
        eos_token=model.eos_token,
    )


@pytest.mark.parametrize("name", NATIVE)
def test_the_syntax_is_found_in_the_template(name: str, model: Model) -> None:
    form = format_of(NATIVE[name], model.bos_token, model.eos_token)
    assert form is not None and form.name == name


@pytest.mark.parametrize("template", [templates.NO_TOOLS, templates.UNKNOWN, "", "{{ raise_exception('no') }}"])
def test_a_template_without_a_known_syntax_has_none(template: str, model: Model) -> None:
    assert format_of(template, model.bos_token, model.eos_token) is None


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("messages", [TALK[:1], TALK[:3], TALK], ids=["question", "result", "whole"])
def test_the_prompt_equals_transformers(
    name: str, messages: list[dict[str, Any]], with_template: Callable[[str], Model], taught: Taught
) -> None:
    model = with_template(NATIVE[name])
    plan = prepare(model, messages, tools=[WEATHER])
    tokenizer = AutoTokenizer.from_pretrained(taught.folder)
    tokenizer.bos_token, tokenizer.eos_token = model.bos_token, model.eos_token
    theirs = tokenizer.apply_chat_template(
        plan.messages, tools=[WEATHER], chat_template=NATIVE[name], tokenize=False, add_generation_prompt=True
    )
    ours = prompt_of(model, plan.messages, plan.tools)
    assert ours == theirs and "get_weather" in ours
    assert len(messages) == 1 or '"city": "서울", "days": [1, 2]' in ours or "<parameter=city>\n서울" in ours


def test_a_tool_of_the_responses_api_is_shown_alike(with_template: Callable[[str], Model]) -> None:
    model = with_template(templates.HERMES)
    flat = {"type": "function", **WEATHER["function"], "strict": True}  # type: ignore[dict-item]
    assert prepare(model, TALK[:1], tools=[flat]).tools == [WEATHER]


def test_arguments_that_are_no_object_stay_as_they_are(with_template: Callable[[str], Model]) -> None:
    model = with_template(templates.HERMES)
    for arguments, expected in {'{"city": "서': '{"city": "서', "[1]": "[1]", "": {}, '{"a": 1}': {"a": 1}}.items():
        call: dict[str, Any] = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
        messages: list[dict[str, Any]] = [{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": [call]}]
        plan = prepare(model, messages)
        assert plan.messages[1]["tool_calls"][0]["function"]["arguments"] == expected
        assert call["function"]["arguments"] == arguments


def test_mistral_ids_stay_apart_and_fit_their_results(with_template: Callable[[str], Model]) -> None:
    model = with_template(templates.MISTRAL)
    calls = [{"id": f"call_{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in range(2)]
    results = [{"role": "tool", "tool_call_id": f"call_{n}", "content": str(n)} for n in range(2)]
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "tool_calls": calls},
        *results,
    ]
    made = prepare(model, messages).messages
    ids = [call["id"] for call in made[1]["tool_calls"]]
    assert ids == [message["tool_call_id"] for message in made[2:]] and len(set(ids)) == 2
    assert all(len(one) == 9 for one in ids)


def test_without_tools_nothing_changes(with_template: Callable[[str], Model]) -> None:
    for template in (templates.HERMES, templates.NO_TOOLS):
        plan = prepare(with_template(template), TALK[:1])
        answer = plan.answer("…")
        assert (plan.messages, plan.tools, plan.special, answer.constraint) == (TALK[:1], None, False, None)


def test_a_template_without_tools_gets_them_in_words(with_template: Callable[[str], Model]) -> None:
    model = with_template(templates.NO_TOOLS)
    second = {"role": "tool", "tool_call_id": "x", "content": "바람"}
    plan = prepare(model, [*TALK[:3], second, *TALK[3:]], tools=[WEATHER])
    assert plan.tools is None
    prompt = prompt_of(model, plan.messages, plan.tools)
    assert json.dumps(WEATHER, ensure_ascii=False) in prompt.split("서울 날씨는?")[0]
    assert '<tool_call>\n{"name": "get_weather", "arguments": {"city": "서울", "days": [1, 2]}}\n</tool_call>' in prompt
    assert "<tool_response>\n맑음\n</tool_response>\n<tool_response>\n바람\n</tool_response>" in prompt


def test_the_words_go_into_the_system_message_where_there_is_one(model: Model) -> None:
    system = {"role": "system", "content": "짧게 답하세요."}
    with_one = prepare(model, [system, *TALK[:1]], tools=[WEATHER]).messages
    without = prepare(model, TALK[:1], tools=[WEATHER]).messages
    assert [message["role"] for message in with_one] == [message["role"] for message in without] == ["system", "user"]
    assert with_one[0]["content"].startswith("짧게 답하세요.\n\n") and "get_weather" in without[0]["content"]
    assert "get_weather" in prompt_of(model, without, None)
