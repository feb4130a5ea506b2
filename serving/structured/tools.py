"""The tools of a request and which of them may or must be called, checked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from serving.api.errors import ApiError
from serving.structured.schema import Schema, read_schema

MAX_TOOLS = 128  # as OpenAI
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
Mode = Literal["none", "auto", "required"]


@dataclass(frozen=True)
class Tool:
    """A function: `shown` is what the template gets (chat completions' shape), `schema` what the arguments must follow."""

    name: str
    shown: dict[str, Any]
    schema: Schema


@dataclass(frozen=True)
class Choice:
    """What the answer may hold: no calls, text or calls of `allowed`, or calls alone; with `once` a single one."""

    mode: Mode
    allowed: tuple[Tool, ...]
    once: bool = False


def read_tools(tools: Any) -> tuple[Tool, ...]:
    """Return the tools, given in the shape of chat completions or of the Responses API; raises ApiError 400.

    Their schemas are not yet tried.
    """
    if tools is None:
        return ()
    if not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        raise ApiError(400, "serving_structured.bad_tools", param="tools", code="invalid_value", limit=MAX_TOOLS)
    made = [_read_tool(number, tool) for number, tool in enumerate(tools)]
    seen: set[str] = set()
    for number, tool in enumerate(made):
        if tool.name in seen:
            param = f"tools[{number}].function.name"
            raise ApiError(400, "serving_structured.tool_twice", param=param, code="invalid_value", name=tool.name)
        seen.add(tool.name)
    return tuple(made)


def _read_tool(number: int, tool: Any) -> Tool:
    place = f"tools[{number}]"
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind != "function":
        raise ApiError(
            400,
            "serving_structured.tool_kind",
            param=place,
            code="invalid_value",
            number=number + 1,
            value=_short(kind),
        )
    nested = isinstance(tool.get("function"), dict)
    place = f"{place}.function" if nested else place
    function: dict[str, Any] = tool["function"] if nested else tool
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        param = f"{place}.name"
        raise ApiError(
            400,
            "serving_structured.tool_name",
            param=param,
            code="invalid_value",
            number=number + 1,
            value=_short(name),
        )
    schema = _parameters(name, function.get("parameters"), f"{place}.parameters")
    shown = {key: function[key] for key in ("name", "description") if function.get(key) is not None}
    shown["parameters"] = function.get("parameters") or {"type": "object", "properties": {}}
    return Tool(name, {"type": "function", "function": shown}, read_schema(schema, f"{place}.parameters"))


def _parameters(name: str, schema: Any, param: str) -> dict[str, Any]:
    """Return the schema of the arguments; a function without parameters takes none."""
    if schema is None:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    kind = schema.get("type", "object") if isinstance(schema, dict) else None
    if kind != "object":
        raise ApiError(400, "serving_structured.tool_not_object", param=param, code="invalid_value", name=name)
    return {**schema, "type": "object"}


def read_choice(choice: Any, tools: tuple[Tool, ...]) -> Choice:
    """Return what tool_choice says; raises ApiError 400 with the param tool_choice."""
    mode, names = _mode_and_names(choice)
    if not tools:
        if mode == "required":
            raise _bad("serving_structured.choice_without_tools")
        return Choice("none", ())
    by_name = {tool.name: tool for tool in tools}
    for name in names or ():
        if name not in by_name:
            raise _bad("serving_structured.choice_unknown", name=name, known=", ".join(by_name))
    allowed = tools if names is None else tuple(tool for tool in tools if tool.name in names)
    once = isinstance(choice, dict) and choice.get("type") == "function"  # who names a function wants one call of it
    return Choice(mode if allowed else "none", allowed, once)


def _mode_and_names(choice: Any) -> tuple[Mode, list[str] | None]:
    if choice is None:
        return "auto", None
    if isinstance(choice, str) and choice in ("none", "auto", "required"):
        return choice, None  # type: ignore[return-value]
    if not isinstance(choice, dict):
        raise _bad("serving_structured.bad_choice", value=_short(choice))
    if choice.get("type") == "function":
        return "required", [_named(choice)]
    if choice.get("type") == "allowed_tools":
        inner = choice.get("allowed_tools", choice)
        listed = inner.get("tools") if isinstance(inner, dict) else None
        if isinstance(listed, list) and inner.get("mode") in ("auto", "required"):
            return inner["mode"], [_named(one) for one in listed]
    raise _bad("serving_structured.bad_choice", value=_short(choice))


def _named(choice: Any) -> str:
    function = choice.get("function", choice) if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise _bad("serving_structured.bad_choice", value=_short(choice))
    return name


def _bad(key: str, **values: object) -> ApiError:
    return ApiError(400, key, param="tool_choice", code="invalid_value", **values)


def _short(value: Any) -> str:
    """Return a value for a message, not longer than a line."""
    try:
        return json.dumps(value, ensure_ascii=False)[:80]
    except (TypeError, ValueError, RecursionError):
        return type(value).__name__
