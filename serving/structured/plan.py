"""How one request is answered: the messages and tools for the template, then a constraint and a parser for each answer."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mactuner_core.errors import InputError
from mactuner_core.models.template import render
from serving.api.errors import ApiError
from serving.engine.llama import Model
from serving.structured import conversation, reasoning
from serving.structured.constraint import GrammarConstraint, compile_grammar
from serving.structured.formats import HERMES, ToolFormat, format_of
from serving.structured.grammar import AnswerGrammar, answer_grammar
from serving.structured.parser import AnswerParser
from serving.structured.response_format import schema_of
from serving.structured.schema import Schema, check
from serving.structured.tools import Choice, read_choice, read_tools
from serving.structured.vocabulary import vocabulary_of
from serving.structured.xml_arguments import text_arguments


@dataclass(frozen=True)
class Answer:
    """What one of the request's answers needs; not to be shared between answers."""

    constraint: GrammarConstraint | None
    parser: AnswerParser


@dataclass(frozen=True)
class Plan:
    """A checked request; made with `prepare`."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None  # for the template; None when it gets none
    special: bool  # whether control tokens must come as text
    _model: Model
    _form: ToolFormat
    _choice: Choice
    _is_parallel: bool
    _schema: Schema | None
    _compiled: dict[reasoning.Thinking, GrammarConstraint] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, prompt: str) -> Answer:
        """Return constraint and parser for one answer to `prompt`, the rendered messages."""
        form = None if self._choice.mode == "none" else self._form
        texts = {tool.name: text_arguments(tool) for tool in self._choice.allowed} if form and form.xml else {}
        names = {tool.name: texts.get(tool.name, frozenset()) for tool in self._choice.allowed}
        thinking = self._thinking(prompt)
        constraint = self._constraint(thinking)
        # Without a grammar any model may begin with <think>; with one, only where the grammar lets it.
        return Answer(
            constraint, AnswerParser(form, names, "may" if constraint is None and thinking == "no" else thinking)
        )

    def _thinking(self, prompt: str) -> reasoning.Thinking:
        if reasoning.opened(prompt):
            return "must"
        thinks = reasoning.thinks(self._model.chat_template or "") and not reasoning.closed(prompt)
        return "may" if thinks else "no"

    def _constraint(self, thinking: reasoning.Thinking) -> GrammarConstraint | None:
        if self._choice.mode == "none" and self._schema is None:
            return None
        with self._lock:
            if thinking not in self._compiled:
                grammar = self._grammar(thinking)
                try:
                    compiled = compile_grammar(grammar.vocabulary, grammar.text())
                except InputError as problem:
                    param = "response_format" if self._choice.mode == "none" else "tools"
                    raise ApiError(400, problem.code, param=param, code="invalid_value", **problem.values) from None
                self._compiled[thinking] = compiled
            return self._compiled[thinking].copy()

    def _grammar(self, thinking: reasoning.Thinking) -> AnswerGrammar:
        content: Schema | Literal["free", "none"] = self._schema if self._schema is not None else "free"
        return answer_grammar(
            vocabulary_of(self._model),
            thinking=thinking,
            content="none" if self._choice.mode == "required" else content,
            form=self._form,
            tools=() if self._choice.mode == "none" else self._choice.allowed,
            is_parallel=self._is_parallel,
        )


def prepare(
    model: Model,
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Any = None,
    tool_choice: Any = None,
    parallel_tool_calls: bool | None = None,
    response_format: Any = None,
) -> Plan:
    """Return how to answer `messages`; raises ApiError 400 when tools, tool_choice or response_format are wrong.

    `messages` are in the shape of chat completions, their content text. Without tools, tool messages and response_format
    the messages stay as they are and there is no constraint.
    """
    called = any(message.get("role") == "tool" or message.get("tool_calls") for message in messages)
    checked = read_tools(tools)
    choice = read_choice(tool_choice, checked)
    schema = schema_of(response_format)
    check([tool.schema for tool in checked] + ([schema] if schema else []))
    template = model.chat_template or ""
    native = format_of(template, model.bos_token, model.eos_token) if checked or called else None
    shown = () if choice.mode == "none" else checked
    if native:
        ready = conversation.for_template(messages, native)
    elif called or shown:
        ready = conversation.in_words(messages, shown, functools.partial(_takes_system, model))
    else:
        ready = [dict(message) for message in messages]
    form = native or HERMES
    marks = [reasoning.OPEN, reasoning.CLOSE] if reasoning.thinks(template) else []
    marks += form.marks() if choice.mode != "none" else []
    return Plan(
        messages=ready,
        tools=[tool.shown for tool in shown] if native and shown else None,
        special=any(_is_control(model, mark) for mark in marks),
        _model=model,
        _form=form,
        _choice=choice,
        _is_parallel=parallel_tool_calls is not False and not choice.once,
        _schema=schema,
    )


def _is_control(model: Model, mark: str) -> bool:
    """Tell whether `mark` is one token that has no text of its own."""
    tokens = model.tokenize(mark)
    return len(tokens) == 1 and model.piece(int(tokens[0])) == b""


def _takes_system(model: Model) -> bool:
    """Tell whether the model's template accepts a system message."""
    messages = [{"role": "system", "content": "-"}, {"role": "user", "content": "-"}]
    try:
        render(
            model.chat_template or "",
            messages,
            add_generation_prompt=True,
            bos_token=model.bos_token,
            eos_token=model.eos_token,
        )
    except InputError:
        return False
    return True
