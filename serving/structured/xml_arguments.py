"""Rules for arguments in tags of their own, as Qwen3-Coder writes them: texts as they are, everything else as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from serving.api.errors import ApiError
from serving.structured.schema import json_rule
from serving.structured.tools import Tool

if TYPE_CHECKING:
    from serving.structured.grammar import AnswerGrammar

_NOTES = {"title", "description", "default", "examples", "deprecated", "$comment"}
_SHARED = ("$defs", "definitions", "x-guidance")
_TOP = ("anyOf", "allOf", "oneOf", "$ref", "enum", "const", "minProperties")  # say something of the object as a whole


def text_arguments(tool: Tool) -> frozenset[str]:
    """Return the names of the arguments that are written as plain text."""
    return frozenset(key for key, schema in _properties(tool).items() if _words(schema) is not None)


def xml_rules(grammar: AnswerGrammar, number: int, tool: Tool) -> str:
    """Add the rules of a tool's arguments and return what stands for all of them; raises ApiError 400."""
    properties = _properties(tool)
    required = tool.schema.json.get("required", [])
    bad = [key for key in _TOP if key in tool.schema.json] + [
        key for key in (*properties, *required) if ">" in key or "\n" in key
    ]
    bad += [key for key in required if key not in properties]
    if bad:
        reason = (
            f"{bad[0]!r} at the top of the parameters of {tool.name!r} has no place in this model's way to write calls"
        )
        raise ApiError(400, "serving_structured.schema_refused", param="tools", code="invalid_value", reason=reason)
    terms = []
    for place, (key, schema) in enumerate(properties.items()):
        name = f"argument_{number}_{place}"
        tag = json.dumps(f"<parameter={key}>\n", ensure_ascii=False)
        terms.append(
            grammar.add(name, f"{tag} {_value(grammar, name, schema, tool)}") + ("" if key in required else "?")
        )
    return " ".join(terms)


def _value(grammar: AnswerGrammar, name: str, schema: Any, tool: Tool) -> str:
    end = json.dumps("\n</parameter>\n")
    words = _words(schema)
    if words is None:
        shared = {key: tool.schema.json[key] for key in _SHARED if key in tool.schema.json}
        whole = {**schema, **shared} if isinstance(schema, dict) else {**shared, **({} if schema else {"not": {}})}
        return f"{grammar.add(name + '_json', json_rule(whole))} {end}"
    if words:
        choices = " | ".join(json.dumps(word, ensure_ascii=False) for word in words)
        return f"({choices}) {end}"
    return grammar.add(name + "_text[lazy]", r"/(?s:.*)\n<\/parameter>\n/")


def _properties(tool: Tool) -> dict[str, Any]:
    found = tool.schema.json.get("properties", {})
    return found if isinstance(found, dict) else {}


def _words(schema: Any) -> tuple[str, ...] | None:
    """Return the texts an argument may be, () for any text, None when it is not plain text."""
    if not isinstance(schema, dict):
        return None
    told = {key: value for key, value in schema.items() if key not in _NOTES}
    if told.keys() == {"anyOf"} and isinstance(told["anyOf"], list):  # text or null: the text
        rest = [one for one in told["anyOf"] if one != {"type": "null"}]
        return _words(rest[0]) if len(rest) == 1 and len(told["anyOf"]) == 2 else None
    if told == {"type": "string"}:
        return ()
    listed = told.get("enum")
    if told.keys() <= {"type", "enum"} and told.get("type", "string") == "string" and isinstance(listed, list):
        words = tuple(word for word in listed if isinstance(word, str) and word and "</parameter>" not in word)
        return words if words and len(words) == len(listed) else None
    return None
