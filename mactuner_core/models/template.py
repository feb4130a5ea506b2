"""A model's chat template, rendered as transformers renders it, without trusting it.

The template comes with the model file, so it runs in Jinja's immutable sandbox (`template_limits`) with a budget of time,
loop turns and text. The result equals `tokenizer.apply_chat_template(..., tokenize=False)`. Does not tokenise.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
import jinja2.ext
from jinja2.parser import Parser
from jinja2.utils import Namespace

from mactuner_core.errors import InputError
from mactuner_core.models.template_limits import Budget, LimitedEnvironment, TooMuchError

MAX_CHARS = 16_000_000
MAX_SECONDS = 10.0
_REASONING_FIELDS = ("reasoning_content", "thinking", "reasoning")


def render(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    add_generation_prompt: bool,
    bos_token: str | None,
    eos_token: str | None,
    tools: Sequence[Mapping[str, Any]] | None = None,
    values: Mapping[str, Any] | None = None,
    max_chars: int = MAX_CHARS,
    max_seconds: float = MAX_SECONDS,
) -> str:
    """Return `messages` as the prompt text that `template` makes of them.

    A token that the model lacks is None and then undefined in the template, as in transformers. `values` are further names
    that the template may read, such as enable_thinking; they take no place of its own. Raises InputError when
    the template is broken, refuses the messages, or wants more than `max_chars` of text or `max_seconds`.
    """
    compiled = compile_template(template)
    named: dict[str, Any] = {
        **(values or {}),
        "messages": [_message(message) for message in messages],
        "tools": None if tools is None else [dict(tool) for tool in tools],
        "documents": None,
        "add_generation_prompt": add_generation_prompt,
        "bos_token": bos_token,
        "eos_token": eos_token,
    }
    if bos_token is None:
        del named["bos_token"]
    if eos_token is None:
        del named["eos_token"]
    try:
        with Budget(max_chars, max_seconds):
            text = compiled.render(named)
    except (TooMuchError, MemoryError, RecursionError) as problem:
        raise InputError("template.too_much", characters=max_chars, seconds=f"{max_seconds:g}") from problem
    except jinja2.TemplateError as problem:
        raise InputError("template.refused", reason=_one_line(problem)) from problem
    except Exception as problem:  # a template may raise anything Python can: none of it may pass
        raise InputError("template.failed", reason=f"{type(problem).__name__}: {_one_line(problem)}") from problem
    if len(text) > max_chars:
        raise InputError("template.too_much", characters=max_chars, seconds=f"{max_seconds:g}")
    return text


@functools.lru_cache(maxsize=16)
def compile_template(template: str) -> jinja2.Template:
    """Return the compiled template; raises InputError when it is not valid Jinja."""
    environment = LimitedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationTag, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    environment.globals["dict"] = _Dict()
    environment.globals["namespace"] = _Namespace
    try:
        with Budget(MAX_CHARS, MAX_SECONDS):  # jinja computes constant parts while it compiles
            return environment.limited_from_string(template)
    except jinja2.TemplateSyntaxError as problem:
        raise InputError("template.broken", line=problem.lineno, reason=_one_line(problem)) from problem
    except RecursionError as problem:
        raise InputError("template.broken", line="?", reason="nested too deeply") from problem


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what is None and give reasoning the names that templates read, as transformers does."""
    plain = {key: value for key, value in message.items() if value is not None}
    reasoning = next((plain[key] for key in _REASONING_FIELDS if plain.get(key) is not None), None)
    if reasoning is not None:
        plain = {"thinking": reasoning, **plain, "reasoning_content": reasoning}
    return plain


def _one_line(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:500]


class _GenerationTag(jinja2.ext.Extension):
    """`{% generation %}` marks what the assistant says for training; here it only passes its text on."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own form

    def parse(self, parser: Parser) -> jinja2.nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_passed_on"), [], [], body).set_lineno(line)

    def _passed_on(self, caller: Any) -> str:
        return str(caller())


class _Dict:
    def __call__(self, *args: Any, **values: Any) -> dict[Any, Any]:
        return dict(*args, **values)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


class _Namespace(Namespace):
    """A namespace that keeps a template away from names that begin with an underscore."""

    def __init__(*args: Any, **values: Any) -> None:  # as jinja's own, so that `namespace(self=…)` works
        attributes = dict(*args[1:], **values)
        for name in attributes:
            _check_name(name)
        Namespace.__init__(args[0], attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"a template cannot store the name {name!r}")


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)  # local time, as transformers does


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """JSON as transformers writes it: jinja's own filter escapes HTML characters."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
