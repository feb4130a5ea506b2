"""Tool calls follow the choice and their schemas in every syntax; what is wrong with tools is said by field."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from serving.api.errors import ApiError
from serving.engine.llama import Model
from serving.structured import CallArguments, CallStart, Content, Plan, Reasoning, prepare
from serving.structured.constraint import compile_grammar
from serving.structured.formats import (
    HERMES,
    LLAMA_JSON,
    MISTRAL_ARGS,
    MISTRAL_LIST,
    MISTRAL_LIST_SPACED,
    QWEN_XML,
    ToolFormat,
)
from serving.structured.grammar import answer_grammar
from serving.structured.tools import read_tools
from serving.structured.vocabulary import Vocabulary
from tests.serving.structured import chat_templates as templates
from tests.serving.structured.conftest import Write

ASK = [{"role": "user", "content": "?"}]
WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "which"},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "unit": {"enum": ["c", "f"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "where": {"$ref": "#/$defs/place"},
    },
    "required": ["city", "code"],
    "$defs": {"place": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}},
}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER, "strict": True}},
    {"type": "function", "function": {"name": "now"}},
]
TEMPLATES = {
    "hermes": templates.HERMES,
    "qwen_xml": templates.QWEN_XML,
    "llama_json": templates.LLAMA,
    "mistral_list": templates.MISTRAL,
    "mistral_args": templates.MISTRAL_ARGS,
    "in words": templates.NO_TOOLS,
}
CALL_STARTS = {
    "hermes": "I look. <tool_call>",
    "qwen_xml": "I look. <tool_call>",
    "llama_json": '{"name": "',
    "mistral_list": "I look. [TOOL_CALLS]",
    "mistral_args": "I look. [TOOL_CALLS]",
    "in words": "I look. <tool_call>",
}
FORMS = [HERMES, QWEN_XML, LLAMA_JSON, MISTRAL_LIST, MISTRAL_LIST_SPACED, MISTRAL_ARGS]
CITY = "<tool_call>\n<function=get_weather>\n<parameter=city>\n서 </울\n</parameter>\n"  # text hardly ends by chance
Called = list[tuple[str, dict[str, Any]]]


def answer(plan: Plan, write: Write, seed: int, *, start: str = "", prompt: str = "") -> tuple[str, str, Called, bool]:
    """Write one answer; return reasoning, content, the calls and whether it is whole."""
    one = plan.answer(prompt)
    assert one.constraint is not None
    text, is_whole = write(one.constraint, seed, start=start, most=900)
    content, reasoning, calls = "", "", list[tuple[str, str]]()
    for piece in one.parser.push(text) + one.parser.finish():
        if isinstance(piece, CallStart):
            calls.append((piece.name, ""))
        elif isinstance(piece, CallArguments):
            calls[-1] = (calls[-1][0], calls[-1][1] + piece.text)
        elif isinstance(piece, Reasoning):
            reasoning += piece.text
        elif isinstance(piece, Content):
            content += piece.text
    if not is_whole:
        return reasoning, content, [], False
    assert one.parser.finish_reason("stop") == ("tool_calls" if calls else "stop")
    return reasoning, content, [(name, json.loads(arguments)) for name, arguments in calls], True


def check_calls(calls: Called) -> None:
    for name, arguments in calls:
        if name == "now":
            assert arguments == {}
        else:
            assert name == "get_weather"
            jsonschema.validate(arguments, WEATHER)


@pytest.mark.parametrize("name", TEMPLATES)
def test_required_calls_follow_their_schemas(name: str, with_template: Callable[[str], Model], write: Write) -> None:
    plan = prepare(with_template(TEMPLATES[name]), ASK, tools=TOOLS, tool_choice="required")
    seen: set[str] = set()
    for seed in range(16):
        reasoning, content, calls, is_whole = answer(
            plan, write, seed, start=CITY if name == "qwen_xml" and seed % 2 else ""
        )
        assert (reasoning, content) == ("", "")
        if is_whole:
            assert calls
            check_calls(calls)
            seen |= {name for name, _ in calls}
    assert seen == {"get_weather", "now"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_free_answer_turns_into_an_enforced_call(
    name: str, with_template: Callable[[str], Model], write: Write
) -> None:
    plan = prepare(with_template(TEMPLATES[name]), ASK, tools=TOOLS)
    whole = 0
    for seed in range(8):
        _, content, calls, is_whole = answer(plan, write, seed, start=CALL_STARTS[name])
        if is_whole:
            whole += 1
            assert calls and content == ("" if name == "llama_json" else "I look.")
            check_calls(calls)
    assert whole


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_free_answer_may_be_text(name: str, with_template: Callable[[str], Model], write: Write) -> None:
    plan = prepare(with_template(TEMPLATES[name]), ASK, tools=TOOLS, tool_choice="auto")
    for seed in range(4):
        _, content, calls, is_whole = answer(plan, write, seed, start="그냥 말할게요 <tool> ")
        assert content.startswith("그냥 말할게요 <tool>") and (calls == [] or is_whole)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_named_tool_is_called_once_and_no_other(
    name: str, with_template: Callable[[str], Model], write: Write
) -> None:
    choice = {"type": "function", "function": {"name": "now"}}
    plan = prepare(with_template(TEMPLATES[name]), ASK, tools=TOOLS, tool_choice=choice)
    for seed in range(4):
        assert answer(plan, write, seed) == ("", "", [("now", {})], True)


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOLS[1]]}},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "now"}]},
        {"type": "function", "name": "now"},
    ],
)
def test_allowed_tools_limit_the_calls_and_not_the_prompt(
    choice: Any, with_template: Callable[[str], Model], write: Write
) -> None:
    plan = prepare(with_template(templates.HERMES), ASK, tools=TOOLS, tool_choice=choice)
    assert plan.tools is not None and len(plan.tools) == 2
    for seed in range(6):
        _, _, calls, is_whole = answer(plan, write, seed)
        assert not is_whole or {name for name, _ in calls} == {"now"}


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_calls_are_several_or_one(parallel: bool, with_template: Callable[[str], Model], write: Write) -> None:
    plan = prepare(
        with_template(templates.HERMES), ASK, tools=TOOLS[1:], tool_choice="required", parallel_tool_calls=parallel
    )
    counts = {len(calls) for seed in range(12) for _, _, calls, is_whole in [answer(plan, write, seed)] if is_whole}
    assert (max(counts) > 1) is parallel and min(counts) == 1


def test_none_shows_no_tools(with_template: Callable[[str], Model]) -> None:
    plan = prepare(with_template(templates.HERMES), ASK, tools=TOOLS, tool_choice="none")
    assert plan.tools is None and plan.answer("").constraint is None


def test_text_follows_the_response_format_beside_tools(with_template: Callable[[str], Model], write: Write) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "integer"}}}
    plan = prepare(with_template(templates.HERMES), ASK, tools=TOOLS, response_format=form)
    kinds = set()
    for seed in range(24):
        _, content, calls, is_whole = answer(plan, write, seed)
        if is_whole:
            kinds.add(bool(calls))
            check_calls(calls)
            assert bool(calls) != isinstance(json.loads(content or "null"), int)
    assert kinds == {True, False}


def test_reasoning_is_free_before_what_is_enforced(with_template: Callable[[str], Model], write: Write) -> None:
    model = with_template(templates.THINKING)
    opened, closed = "<|im_start|>assistant\n<think>\n", "<think>\n\n</think>\n\n"
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "integer"}}}
    for values in ({"response_format": form}, {"tools": TOOLS[1:], "tool_choice": "required"}):
        plan = prepare(model, ASK, **values)
        for prompt, start, thought in (
            (opened, "why <tool_call> not\n</think>\n\n", "why <tool_call> not"),
            ("assistant\n", "<think>\nwhy\n</think>\n\n", "why"),
            ("assistant\n", "", ""),
            (closed, "", ""),
        ):
            for seed in range(3):
                reasoning, content, calls, is_whole = answer(plan, write, seed, start=start, prompt=prompt)
                if is_whole and (start or not reasoning):
                    assert reasoning == thought
                    assert calls or isinstance(json.loads(content), int)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_marks_may_be_control_tokens(form: ToolFormat, model: Model, vocabulary: Vocabulary) -> None:
    """The marks of a format are given the numbers of control tokens that the model happens to have."""
    mark = form.trigger or form.prefix
    stand_in = Vocabulary(vocabulary.tokenizer, {mark: vocabulary.controls["<|im_start|>"]}, vocabulary.size)
    grammar = answer_grammar(stand_in, thinking="no", content="free", form=form, tools=read_tools(TOOLS[1:]))
    constraint = compile_grammar(stand_in, grammar.text())
    token = vocabulary.controls["<|im_start|>"]
    for letter in model.tokenize("I look. " if form.trigger else ""):
        constraint.accept(int(letter))
    assert constraint.mask()[token]
    constraint.accept(token)
    random = np.random.default_rng(1)
    made = b""
    while not constraint.complete() and len(made) < 60:
        allowed = [one for one in np.flatnonzero(constraint.mask()) if not model.is_end(int(one))]
        if not allowed:
            break
        chosen = int(random.choice(allowed))
        constraint.accept(chosen)
        made += model.piece(chosen)
    assert (form.opening + form.before_name + "now" + form.after_name).encode() in made


BAD_TOOLS: dict[str, tuple[Any, str]] = {
    "no list": ({"a": 1}, "tools"),
    "too many": ([{**TOOLS[1]} for _ in range(129)], "tools"),
    "no object": (["now"], "tools[0]"),
    "other kind": ([TOOLS[1], {"type": "web_search"}], "tools[1]"),
    "no name": ([{"type": "function", "function": {}}], "tools[0].function.name"),
    "bad name": ([{"type": "function", "function": {"name": "내 도구"}}], "tools[0].function.name"),
    "line break": ([{"type": "function", "function": {"name": "now\n"}}], "tools[0].function.name"),
    "long name": ([{"type": "function", "name": "a" * 65}], "tools[0].name"),
    "twice": ([TOOLS[1], TOOLS[1]], "tools[1].function.name"),
    "parameters a list": (
        [{"type": "function", "function": {"name": "a", "parameters": []}}],
        "tools[0].function.parameters",
    ),
    "no object schema": (
        [{"type": "function", "function": {"name": "a", "parameters": {"type": "string"}}}],
        "tools[0].function.parameters",
    ),
    "not enforceable": (
        [TOOLS[0], {"type": "function", "function": {"name": "a", "parameters": {"not": {}}}}],
        "tools[1].function.parameters",
    ),
}


@pytest.mark.parametrize("name", BAD_TOOLS)
def test_bad_tools_are_refused_by_field(name: str, model: Model) -> None:
    tools, param = BAD_TOOLS[name]
    with pytest.raises(ApiError) as caught:
        prepare(model, ASK, tools=tools)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert caught.value.text("en") != caught.value.text("ko")


@pytest.mark.parametrize(
    "choice",
    [
        "any",
        3,
        [],
        {},
        {"type": "function"},
        {"type": "function", "function": {"name": "other"}},
        {"type": "allowed_tools"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "x"}]},
    ],
)
def test_a_bad_choice_is_refused(choice: Any, model: Model) -> None:
    with pytest.raises(ApiError) as caught:
        prepare(model, ASK, tools=TOOLS, tool_choice=choice)
    assert (caught.value.status, caught.value.param) == (400, "tool_choice")
    assert caught.value.text("en") != caught.value.text("ko")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "now"}}])
def test_a_choice_needs_tools(choice: Any, model: Model) -> None:
    with pytest.raises(ApiError, match="no tools"):
        prepare(model, ASK, tool_choice=choice)


def test_what_tags_cannot_hold_is_refused(with_template: Callable[[str], Model]) -> None:
    tool = {"name": "a", "parameters": {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}}
    plan = prepare(with_template(templates.QWEN_XML), ASK, tools=[{"type": "function", "function": tool}])
    with pytest.raises(ApiError, match="anyOf") as caught:
        plan.answer("")
    assert (caught.value.status, caught.value.param) == (400, "tools")
