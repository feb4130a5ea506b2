"""Messages with tool calls made ready for a chat template: for one that knows tools, and for one that does not."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from serving.structured.formats import HERMES, ToolFormat
from serving.structured.tools import Tool

_MISTRAL_ID = re.compile(r"[a-zA-Z0-9]{9}")
_INTRODUCTION = (
    "You can call functions to help with the user's request. These are their signatures, one a line:\n"
    "<tools>\n{tools}\n</tools>\n\n"
    "To call a function, write its name and arguments as one JSON object in tags:\n"
    '<tool_call>\n{{"name": <function name>, "arguments": <arguments as an object>}}\n</tool_call>\n'
    "The results come back between <tool_response> and </tool_response>. Call a function only when it is needed."
)


def for_template(messages: Sequence[Mapping[str, Any]], form: ToolFormat) -> list[dict[str, Any]]:
    """Return OpenAI's messages as Hugging Face templates want them: arguments as objects, ids as the model family has them."""
    identify = _short_id if form.name.startswith("mistral") else str
    return [_native(message, identify) for message in messages]


def in_words(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Tool], takes_system: Callable[[], bool]
) -> list[dict[str, Any]]:
    """Return the messages for a template without tools: calls, results and the tools' description as text.

    The description goes into the system message, or into the first user message when the template refuses a system message.
    """
    made: list[dict[str, Any]] = []
    for message in messages:
        if message.get("role") == "tool":
            text = f"<tool_response>\n{_text(message)}\n</tool_response>"
            if made and made[-1].get("tool_results"):
                made[-1]["content"] += "\n" + text
            else:
                made.append({"role": "user", "content": text, "tool_results": True})
        elif message.get("tool_calls"):
            made.append(_spoken(message))
        else:
            made.append(dict(message))
    for message in made:
        message.pop("tool_results", None)
    return _introduced(made, tools, takes_system) if tools else made


def _native(message: Mapping[str, Any], identify: Callable[[Any], str]) -> dict[str, Any]:
    made = dict(message)
    if made.get("tool_call_id") is not None:
        made["tool_call_id"] = identify(made["tool_call_id"])
    calls = made.get("tool_calls")
    if isinstance(calls, list):
        made["tool_calls"] = [_native_call(call, identify) for call in calls]
    return made


def _native_call(call: Any, identify: Callable[[Any], str]) -> Any:
    if not isinstance(call, Mapping) or not isinstance(call.get("function"), Mapping):
        return call
    made = {**call, "function": {**call["function"], "arguments": _arguments(call["function"].get("arguments"))}}
    if made.get("id") is not None:
        made["id"] = identify(made["id"])
    return made


def _arguments(value: Any) -> Any:
    """Return the object in JSON text; what is no whole object (an answer that was cut off) stays text."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return read if isinstance(read, dict) else value
    return value


def _short_id(value: Any) -> str:
    """Return an id of nine letters and digits, the same for the same value: Mistral's templates refuse others."""
    text = str(value)
    return text if _MISTRAL_ID.fullmatch(text) else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:9]


def _spoken(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return an assistant's message with its calls written into the text."""
    parts = [text] if (text := _text(message)) else []
    for call in message["tool_calls"]:
        function = call.get("function", {}) if isinstance(call, Mapping) else {}
        arguments = json.dumps(_arguments(function.get("arguments")), ensure_ascii=False)
        head = HERMES.before_name + str(function.get("name", "")) + HERMES.after_name
        parts.append(f"{HERMES.trigger}\n{head}{arguments}{HERMES.after_arguments}{HERMES.end}")
    kept = {key: value for key, value in message.items() if key != "tool_calls"}
    return {**kept, "content": "\n".join(parts)}


def _introduced(
    messages: list[dict[str, Any]], tools: Sequence[Tool], takes_system: Callable[[], bool]
) -> list[dict[str, Any]]:
    lines = "\n".join(json.dumps(tool.shown, ensure_ascii=False) for tool in tools)
    introduction = _INTRODUCTION.format(tools=lines)
    first = messages[0] if messages else {"role": "user", "content": ""}
    if first.get("role") == "system":
        return [{**first, "content": f"{_text(first)}\n\n{introduction}".strip()}, *messages[1:]]
    if takes_system():
        return [{"role": "system", "content": introduction}, *messages]
    return [{**first, "content": f"{introduction}\n\n{_text(first)}".strip()}, *messages[1:]]


def _text(message: Mapping[str, Any]) -> str:
    """Return a message's content as text; parts are joined."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return "" if content is None else str(content)
