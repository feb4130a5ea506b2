"""An answer in any pieces gives the same reasoning, content and calls."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from serving.structured import AnswerParser, CallArguments, CallStart, Content, Piece, Reasoning
from serving.structured.formats import (
    HERMES,
    LLAMA_JSON,
    MISTRAL_ARGS,
    MISTRAL_LIST,
    MISTRAL_LIST_SPACED,
    QWEN_XML,
    ToolFormat,
)
from serving.structured.reasoning import Thinking

CITY = {"city": '서울 "강남" {[', "list": [1, {"a": "}"}]}
TOOLS = {"get_weather": frozenset({"city"}), "now": frozenset[str]()}
Summary = tuple[str, str, list[tuple[str, object]]]


def summary(pieces: list[Piece]) -> Summary:
    """Return reasoning, content and the calls; checks that the pieces are in order and none is empty."""
    reasoning, content, calls = "", "", list[tuple[str, str]]()
    for piece in pieces:
        if isinstance(piece, CallStart):
            assert piece.index == len(calls) and piece.id.startswith("call_")
            calls.append((piece.name, ""))
            continue
        assert piece.text
        if isinstance(piece, CallArguments):
            assert piece.index == len(calls) - 1
            calls[-1] = (calls[-1][0], calls[-1][1] + piece.text)
        elif isinstance(piece, Content):
            content += piece.text
        else:
            reasoning += piece.text
    return reasoning, content, [(name, json.loads(text)) for name, text in calls]


def parse(form: ToolFormat | None, pieces: list[str], thinking: Thinking = "no") -> list[Piece]:
    parser = AnswerParser(form, TOOLS, thinking)
    return [piece for text in pieces for piece in parser.push(text)] + parser.finish()


def cuts(text: str) -> list[list[str]]:
    """Return `text` whole, in single characters, and cut once and twice everywhere that matters."""
    ways = [[text], list(text), *([text[:at], text[at:]] for at in range(1, len(text)))]
    for size in (2, 3, 5, 7):
        places = [*range(0, len(text), size), len(text)]
        ways.append([text[a:b] for a, b in pairwise(places)])
    return ways


def written(form: ToolFormat) -> tuple[str, list[tuple[str, object]]]:
    """Return two calls (one, where the format has no more) as a model writes them, and what they mean."""
    arguments = json.dumps(CITY, ensure_ascii=False)
    if form is HERMES:
        return (
            f'<tool_call>\n{{"name": "get_weather", "arguments": {arguments}}}\n</tool_call>\n'
            '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
        ), [("get_weather", CITY), ("now", {})]
    if form is QWEN_XML:
        return (
            f"<tool_call>\n<function=get_weather>\n<parameter=city>\n{CITY['city']}\n</parameter>\n"
            f"<parameter=list>\n{json.dumps(CITY['list'])}\n</parameter>\n</function>\n</tool_call>\n"
            "<tool_call>\n<function=now>\n</function>\n</tool_call>"
        ), [("get_weather", CITY), ("now", {})]
    if form is LLAMA_JSON:
        return f'{{"name": "get_weather", "parameters": {arguments}}}', [("get_weather", CITY)]
    if form is MISTRAL_ARGS:
        return f"[TOOL_CALLS]get_weather[ARGS]{arguments}[TOOL_CALLS]now[ARGS]{{}}", [
            ("get_weather", CITY),
            ("now", {}),
        ]
    return (
        f'[TOOL_CALLS]{form.opening}{{"name": "get_weather", "arguments": {arguments}}}, {{"name": "now", "arguments": {{}}}}]'
    ), [("get_weather", CITY), ("now", {})]


FORMS = [HERMES, QWEN_XML, LLAMA_JSON, MISTRAL_LIST, MISTRAL_LIST_SPACED, MISTRAL_ARGS]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_cut_gives_the_same_calls(form: ToolFormat) -> None:
    text, calls = written(form)
    for before in ["", "Let me look: <tool [TOOL {\n\n"] if form.trigger else [""]:
        for way in cuts(before + text):
            assert summary(parse(form, way)) == ("", before.rstrip(), calls), way


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_reasoning_comes_before_calls(form: ToolFormat) -> None:
    text, calls = written(form)
    thought = "the <tool_call> I [TOOL_CALLS] need </thin"
    for way in cuts(f"<think>\n{thought}\n</think>\n\n{text}"):
        assert summary(parse(form, way, "may")) == (thought, "", calls), way


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_plain_text_is_untouched(form: ToolFormat) -> None:
    text = "  two blanks, a <tool_cal\nand\n\n[TOOL_CALL and a brace { } <\n "
    for way in cuts(text):
        assert summary(parse(form, way)) == ("", text, [])


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_cut_answer_keeps_what_is_there(form: ToolFormat) -> None:
    whole, calls = written(form)
    name, arguments = calls[0]
    for end in range(len(whole)):
        parser = AnswerParser(form, TOOLS, "no")
        pieces = parser.push(whole[:end]) + parser.finish()
        begun = [piece for piece in pieces if isinstance(piece, CallStart)]
        first = "".join(piece.text for piece in pieces if isinstance(piece, CallArguments) and piece.index == 0)
        if begun:
            assert begun[0].name == name and not any(isinstance(piece, Content) for piece in pieces)
            assert json.dumps(arguments, ensure_ascii=False).startswith(first)
        assert parser.finish_reason("length") == "length"
        assert parser.finish_reason("stop") == ("tool_calls" if begun else "stop")


def test_the_python_tag_of_llama_is_no_content() -> None:
    text, calls = written(LLAMA_JSON)
    for way in cuts("<|python_tag|>" + text):
        assert summary(parse(LLAMA_JSON, way)) == ("", "", calls)


@pytest.mark.parametrize(
    ("text", "thinking", "expected"),
    [
        ("<think>\n\n</think>\n\nHi", "may", ("", "Hi")),
        ("<think>a\n\nb </think>Hi </think>", "may", ("a\n\nb", "Hi </think>")),
        ("\n <think> a </think> \nHi\n", "may", ("a", "Hi\n")),
        ("why </think>\n\n<think>Hi", "must", ("why", "<think>Hi")),
        ("never ends </thin", "must", ("never ends </thin", "")),
        ("<think>never ends", "may", ("never ends", "")),
        ("  Hi <think> there", "may", ("", "  Hi <think> there")),
        ("<thi", "may", ("", "<thi")),
        ("\n\n", "may", ("", "\n\n")),
        ("<think>a</think>b", "no", ("", "<think>a</think>b")),
        ("", "may", ("", "")),
        ("", "must", ("", "")),
    ],
)
def test_reasoning_is_kept_apart(text: str, thinking: Thinking, expected: tuple[str, str]) -> None:
    for way in cuts(text):
        assert summary(parse(None, way, thinking)) == (*expected, [])


def test_text_is_passed_on_at_once() -> None:
    parser = AnswerParser(HERMES, TOOLS, "may")
    assert parser.push("Hello") == [Content("Hello")]
    assert parser.push(" there <") == [Content(" there")]
    assert parser.push("b> now") == [Content(" <b> now")]


def test_arguments_are_passed_on_at_once() -> None:
    parser = AnswerParser(QWEN_XML, TOOLS, "no")
    parser.push("<tool_call>\n<function=get_weather>\n<parameter=city>\n")
    assert parser.push('Se"') == [CallArguments(0, 'Se\\"')]
    assert parser.push("oul\n</para") == [CallArguments(0, "oul")]
    assert parser.push("graph>\n") == [CallArguments(0, "\\n</paragraph>")]


def test_ids_are_never_the_same() -> None:
    text, _ = written(HERMES)
    ids = [piece.id for _ in range(50) for piece in parse(HERMES, [text]) if isinstance(piece, CallStart)]
    assert len(set(ids)) == len(ids) == 100


def test_pieces_have_their_kind() -> None:
    assert parse(None, ["<think>a</think>b"], "may") == [Reasoning("a"), Content("b")]
