"""A client's JSON schema made ready for a grammar: looked over for size first, then tried, so that none is half enforced.

The compiler itself has limits of work; the ones here stand before it because its own reading is recursive, and because
one keyword (multipleOf) costs time that it does not count.
"""

from __future__ import annotations

import json
import threading
from decimal import Decimal, InvalidOperation
from typing import Any

from mactuner_core.errors import InputError
from serving.api.errors import ApiError
from serving.structured.constraint import compile_grammar
from serving.structured.vocabulary import Vocabulary

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
_MAX_MULTIPLE = 10_000  # the states of its automaton
_COMBINING = {"allOf", "anyOf", "oneOf", "$ref"}
_OPEN = {"additionalProperties", "patternProperties", "unevaluatedProperties"}
# A client may not loosen what is enforced, and small models loop on free white space: at most one blank after , and :.
_STYLE = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?", "lenient": False}
_one_at_a_time = threading.Semaphore(1)  # hostile schemas in many requests take one core, not all


def ready(schema: Any, vocabulary: Vocabulary, param: str) -> dict[str, Any]:
    """Return `schema` as the grammar takes it; raises ApiError 400 for `param` when it cannot be enforced in full."""
    if schema is True:
        schema = {}
    if not isinstance(schema, dict):
        raise ApiError(400, "serving_structured.not_a_schema", param=param, code="invalid_value")
    _look_over(schema, param)
    try:
        text = json.dumps(schema, allow_nan=False)
    except ValueError as problem:
        raise ApiError(400, "serving_structured.not_a_schema", param=param, code="invalid_value") from problem
    if len(text) > MAX_BYTES:
        raise _too_large(param, f"{len(text)} bytes", f"{MAX_BYTES} bytes")
    style = _STYLE
    made: dict[str, Any] = {key: value for key, value in schema.items() if key not in ("$schema", "x-guidance")}
    if '"allOf"' not in text:
        made = _closed(made)
    made["x-guidance"] = style
    try:
        with _one_at_a_time:
            compile_grammar(vocabulary, f"start: {json_rule(made)}")
    except InputError as problem:
        reason = problem.values["reason"]
        raise ApiError(
            400, "serving_structured.schema_refused", param=param, code="invalid_value", reason=reason
        ) from None
    return made


def json_rule(schema: dict[str, Any]) -> str:
    """Return the piece of a grammar that stands for JSON of `schema`."""
    return "%json " + json.dumps(schema)


def _look_over(schema: dict[str, Any], param: str) -> None:
    """Raise ApiError when the schema is nested too deeply or holds a multipleOf that takes too long; no recursion."""
    todo: list[tuple[Any, int]] = [(schema, 1)]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise _too_large(param, f"{depth} levels", f"{MAX_DEPTH} levels")
        children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else ()
        todo.extend((child, depth + 1) for child in children if isinstance(child, dict | list))
        if isinstance(node, dict) and _multiple(node.get("multipleOf")) > _MAX_MULTIPLE:
            reason = f"multipleOf {node['multipleOf']}: at most {_MAX_MULTIPLE} without the decimal point"
            raise ApiError(400, "serving_structured.schema_refused", param=param, code="invalid_value", reason=reason)


def _multiple(value: Any) -> int:
    """Return the digits of a number as a whole number: 0.25 is 25."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    try:
        digits = Decimal(str(value)).normalize()
    except (InvalidOperation, ValueError):
        return _MAX_MULTIPLE + 1
    _, numbers, exponent = digits.as_tuple()
    if not isinstance(exponent, int) or exponent > 6:
        return _MAX_MULTIPLE + 1
    return int("".join(map(str, numbers)) + "0" * max(0, exponent))


def _closed(node: Any) -> Any:
    """Return the schema with objects that list their properties and say nothing of others closed to others.

    An answer still follows the schema, and a model cannot go on inventing properties.
    """
    if isinstance(node, list):
        return [_closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {
        key: value if key in ("enum", "const", "default", "examples") else _closed(value) for key, value in node.items()
    }
    listed = isinstance(node.get("properties"), dict)
    if (
        listed
        and not (_OPEN | _COMBINING) & node.keys()
        and set(_names(node.get("required"))) <= node["properties"].keys()
    ):
        made["additionalProperties"] = False
    return made


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _too_large(param: str, value: str, limit: str) -> ApiError:
    return ApiError(
        400, "serving_structured.schema_too_large", param=param, code="invalid_value", value=value, limit=limit
    )
