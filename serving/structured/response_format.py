"""response_format of chat completions, and text.format of the Responses API, as a schema or a constraint."""

from __future__ import annotations

import json
from typing import Any

from serving.api.errors import ApiError
from serving.engine.llama import Model
from serving.structured.constraint import GrammarConstraint, compile_grammar
from serving.structured.grammar import answer_grammar
from serving.structured.schema import Schema, check, read_schema
from serving.structured.vocabulary import vocabulary_of

_PARAM = "response_format"


def constraint_for(model: Model, response_format: Any) -> GrammarConstraint | None:
    """Return what keeps an answer without reasoning or tools to `response_format`; None for plain text.

    Raises ApiError 400 when the format is unknown or its schema cannot be enforced in full.
    """
    if response_format is None or response_format == {"type": "text"}:
        return None
    schema = schema_of(response_format)
    if schema is None:
        return None
    check([schema])
    vocabulary = vocabulary_of(model)
    return compile_grammar(vocabulary, answer_grammar(vocabulary, thinking="no", content=schema).text())


def schema_of(response_format: Any) -> Schema | None:
    """Return the schema that the content must follow, not yet tried; None for plain text. Raises ApiError 400."""
    if response_format is None:
        return None
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return read_schema({"type": "object"}, _PARAM)
    if kind != "json_schema":
        value = json.dumps(response_format if kind is None else kind, ensure_ascii=False, default=str)[:80]
        raise ApiError(400, "serving_structured.bad_format", param=_PARAM, code="invalid_value", value=value)
    inner = response_format.get("json_schema", response_format)  # the Responses API has no inner object
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if schema is None:
        raise ApiError(400, "serving_structured.no_schema", param=_PARAM, code="missing_required_parameter")
    return read_schema(schema, _PARAM)
