"""The grammar of a whole answer, in llguidance's Lark form: reasoning, then text, JSON or tool calls.

Texts that are control tokens in the model's vocabulary stand in it by their number, all others as text. Free text is a
lexeme that takes as little as it can up to the trigger, so a trigger always begins a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from serving.structured.formats import ToolFormat
from serving.structured.reasoning import CLOSE, OPEN, Thinking
from serving.structured.schema import Schema
from serving.structured.tools import Tool
from serving.structured.vocabulary import Vocabulary
from serving.structured.xml_arguments import xml_rules

_MORE_CALLS = 31  # so that a small model cannot go on calling for ever
_ANY = "/(?s:.*)/"


@dataclass
class AnswerGrammar:
    """Collects the rules of one grammar."""

    vocabulary: Vocabulary
    rules: list[str] = field(default_factory=list)

    def add(self, name: str, body: str) -> str:
        """Add a rule and return its name."""
        self.rules.append(f"{name}: {body}")
        return name.split("[")[0]

    def words(self, text: str) -> str:
        """Return the terms that stand for exactly `text`."""
        controls = [word for word in self.vocabulary.controls if word and word in text]
        if not controls:
            return json.dumps(text, ensure_ascii=False) if text else ""
        longest_first = sorted(controls, key=len, reverse=True)
        parts = re.split("(" + "|".join(map(re.escape, longest_first)) + ")", text)
        terms = [
            f"<[{self.vocabulary.controls[part]}]>" if place % 2 else json.dumps(part, ensure_ascii=False)
            for place, part in enumerate(parts)
            if part
        ]
        return " ".join(terms)

    def is_control(self, text: str) -> bool:
        """Tell whether `text` is one control token."""
        return text in self.vocabulary.controls

    def text(self) -> str:
        """Return the grammar."""
        return "\n".join(self.rules) + "\n"


def answer_grammar(
    vocabulary: Vocabulary,
    *,
    thinking: Thinking,
    content: Schema | Literal["free", "none"],
    form: ToolFormat | None = None,
    tools: Sequence[Tool] = (),
    is_parallel: bool = True,
) -> AnswerGrammar:
    """Return the grammar of an answer: `content` is free text, JSON of a schema, or not allowed; `tools` may be called."""
    grammar = AnswerGrammar(vocabulary)
    ways: list[str] = []
    if isinstance(content, Schema):
        ways.append(grammar.add("document", content.rule))
    if content == "free":
        ways += _free_text(grammar, thinking, form if tools else None)
    if form and tools:
        calls = grammar.add("calls", _calls(grammar, form, tools, is_parallel))
        ways.append(f"{_lead(grammar, form, content == 'free')} {calls}")
    grammar.add("body", " | ".join(ways))
    thought = _thought(grammar, thinking)
    grammar.rules.insert(0, f"start: {thought} body")
    return grammar


def _thought(grammar: AnswerGrammar, thinking: Thinking) -> str:
    if thinking == "no":
        return ""
    if grammar.is_control(CLOSE):
        inside = f"{_ANY} {grammar.words(CLOSE)}"
    else:
        inside = grammar.add("thought_end[lazy]", r"/(?s:.*)<\/think>/")
    grammar.add("BLANK", r"/\n{0,2}/")
    if thinking == "must":
        return f"{inside} BLANK"
    if grammar.is_control(OPEN):
        return f"({grammar.words(OPEN)} {inside} BLANK)?"
    whole = grammar.add("thought[lazy]", r"/<think>(?s:.*)<\/think>/")
    return f"({whole} BLANK)?"


def _free_text(grammar: AnswerGrammar, thinking: Thinking, form: ToolFormat | None) -> list[str]:
    """Return the ways an answer in words may go."""
    body = _ANY if form is None or form.trigger else r"/[^{\s](?s:.*)/"  # there, a brace begins a call
    if thinking == "may" and not grammar.is_control(OPEN):
        body = f"{body} & ~/<think>(?s:.*)/"
    grammar.add("TEXT", body)
    return ["TEXT"] if body.startswith(_ANY) else ["TEXT", '""']


def _lead(grammar: AnswerGrammar, form: ToolFormat, after_text: bool) -> str:
    """Return what comes before the first call: its trigger, with any text before it where text is allowed."""
    if not form.trigger:
        return f"{grammar.words(form.prefix)}?" if grammar.is_control(form.prefix) else ""
    if not after_text:
        return grammar.words(form.trigger)
    if grammar.is_control(form.trigger):
        return f"TEXT {grammar.words(form.trigger)}"
    return grammar.add("lead[lazy]", f"TEXT {json.dumps(form.trigger)}")


def _calls(grammar: AnswerGrammar, form: ToolFormat, tools: Sequence[Tool], is_parallel: bool) -> str:
    arguments: Callable[[AnswerGrammar, int, Tool], str] = xml_rules if form.xml else _json_arguments
    names = []
    for number, tool in enumerate(tools):
        before = grammar.words(form.before_name + tool.name + form.after_name)
        after = grammar.words(form.after_arguments)
        names.append(grammar.add(f"call_{number}", f"{before} {arguments(grammar, number, tool)} {after}"))
    grammar.add("call", " | ".join(names))
    more = f"({grammar.words(form.between)} call){{0,{_MORE_CALLS}}}" if is_parallel and form.between else ""
    return f"{grammar.words(form.opening)} call {more} {grammar.words(form.end)}"


def _json_arguments(grammar: AnswerGrammar, number: int, tool: Tool) -> str:
    return grammar.add(f"arguments_{number}", tool.schema.rule)
