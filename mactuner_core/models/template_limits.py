"""Jinja's immutable sandbox with a budget: a template from a stranger's model file can waste neither time nor memory.

The sandbox itself keeps templates from Python's internals. This module adds what it lacks: every loop turn, call, joined
string and multiplication is charged to the budget of the running render. Knows nothing about chats.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar, Token
from typing import Any

from jinja2 import Template, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

_MAX_STEPS = 2_000_000
_WIDE_FORMAT = re.compile(r"\d{6,}")


class TooMuchError(Exception):
    """The template went over its budget."""


class Budget:
    """What one render may use; a context manager that is in force for the code inside it."""

    def __init__(self, max_chars: int, max_seconds: float) -> None:
        self.max_chars = max_chars
        self._chars = 0
        self._steps = 0
        self._deadline = time.monotonic() + max_seconds
        self._token: Token[Budget | None] | None = None

    def __enter__(self) -> Budget:
        self._token = _running.set(self)
        return self

    def __exit__(self, *problem: object) -> None:
        if self._token is not None:
            _running.reset(self._token)

    def step(self, chars: int = 0) -> None:
        """Charge one loop turn or call, and the text it makes."""
        self._steps += 1
        self._chars += chars
        if self._steps > _MAX_STEPS or self._chars > self.max_chars * 4:
            raise TooMuchError
        if self._steps % 64 == 0 and time.monotonic() > self._deadline:
            raise TooMuchError

    def check_size(self, size: int) -> None:
        """Refuse one string or list of `size` parts."""
        if size > self.max_chars:
            raise TooMuchError


_running: ContextVar[Budget | None] = ContextVar("template_budget", default=None)
_NO_LIMIT = Budget(10**9, 10**9)


def _budget() -> Budget:
    return _running.get() or _NO_LIMIT


class LimitedEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox whose loops, calls and string building are charged to the running budget."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.filters["_turns"] = _turns
        self.filters["_joined"] = _joined
        for name in ("center", "format", "indent", "join", "replace"):
            self.filters[name] = _guarded(name, self.filters[name])

    def limited_from_string(self, source: str) -> Template:
        """Return the compiled template with its loops and joins charged."""
        tree = _Charge().visit(self.parse(source))
        code = self.compile(tree)
        return self.template_class.from_code(self, code, self.make_globals(None))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        budget = _budget()
        budget.step()
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str):
            _check_text_call(getattr(__obj, "__name__", ""), (owner, *args), kwargs)
        result = super().call(__context, __obj, *args, **kwargs)
        if isinstance(result, str):
            budget.check_size(len(result))
            budget.step(len(result))
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget = _budget()
        if operator == "+" and isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
            budget.check_size(len(left) + len(right))
        elif operator == "*":
            for one, other in ((left, right), (right, left)):
                if isinstance(one, str | list | tuple) and isinstance(other, int):
                    budget.check_size(len(one) * max(other, 0))
        elif operator == "**" and isinstance(right, int | float) and abs(right) > 64:
            raise TooMuchError
        elif operator == "%" and isinstance(left, str):
            _check_text_call("format", (left, *(right if isinstance(right, tuple) else (right,))), {})
        return super().call_binop(context, operator, left, right)


class _Charge(NodeTransformer):
    """Puts every loop's items and every `~` through a filter that charges them."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        text = sum(len(part.data) for part in node.find_all(nodes.TemplateData))
        node.iter = nodes.Filter(node.iter, "_turns", [nodes.Const(text)], [], None, None, lineno=node.lineno)
        return self.generic_visit(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return nodes.Filter(node, "_joined", [], [], None, None, lineno=node.lineno)


@pass_context
def _turns(context: Context, items: Iterable[Any], text: int) -> Iterator[Any]:
    budget = _budget()

    def charged(iterator: Iterator[Any]) -> Iterator[Any]:
        for item in iterator:
            budget.step(text)
            yield item

    return charged(iter(items))


@pass_context
def _joined(context: Context, text: str) -> str:
    budget = _budget()
    budget.check_size(len(text))
    budget.step(len(text))
    return text


def _guarded(name: str, original: Any) -> Any:
    """Return the filter with its arguments checked first; it keeps the marks that tell jinja what to pass."""

    def checked(*args: Any, **kwargs: Any) -> Any:
        values = args[1:] if hasattr(original, "jinja_pass_arg") else args
        _check_text_call(name, values, kwargs)
        return original(*args, **kwargs)

    if hasattr(original, "jinja_pass_arg"):
        checked.jinja_pass_arg = original.jinja_pass_arg  # type: ignore[attr-defined]
    return checked


def _check_text_call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse a string operation whose result would be larger than the budget, before it is made."""
    budget = _budget()
    for value in (*args, *kwargs.values()):
        if isinstance(value, int):
            budget.check_size(value)
    if name in ("format", "format_map", "__mod__") and _WIDE_FORMAT.search(str(args[0])):
        raise TooMuchError
    if name == "replace" and len(args) >= 3:
        old, new = str(args[1]), str(args[2])
        budget.check_size(len(str(args[0])) + str(args[0]).count(old) * len(new))
    if name == "join" and len(args) >= 2:
        separator, items = _join_parts(args)
        budget.check_size(sum(len(item) + separator for item in items if isinstance(item, str)))


def _join_parts(args: tuple[Any, ...]) -> tuple[int, list[Any]]:
    """Return the separator's length and the items, for `",".join(items)` and for `items|join(",")`."""
    text, items = (
        (args[0], args[1]) if isinstance(args[0], str) and not isinstance(args[1], str) else (args[1], args[0])
    )
    return len(str(text)), list(items) if isinstance(items, list | tuple) else []
