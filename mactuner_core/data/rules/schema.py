"""Checking a JSON value against a JSON schema without reading anything from the network and without endless patterns.

Patterns run under the time limit of `patterns`. `patternProperties` is refused, because the library would match those names
with an engine that cannot be stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from mactuner_core.data.rules.patterns import find, pattern_problem

NAMES_BELOW = ("properties", "$defs", "definitions", "dependentSchemas")  # their keys are the person's own names
VALUES = ("const", "enum", "default", "examples")


def schema_problem(schema: dict[str, Any]) -> str | None:
    """Return why `schema` cannot be used, or None."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]

    try:
        Draft202012Validator.check_schema(schema)
        for keyword, value in _keywords(schema):
            if keyword == "patternProperties":
                return "patternProperties"
            if keyword == "pattern" and (reason := pattern_problem(value)):
                return f"pattern “{value}”: {reason}"
            if keyword in ("$ref", "$dynamicRef") and not str(value).startswith("#"):
                return f"{keyword} “{value}”: #/…"
    except SchemaError as problem:
        return f"{problem.json_path}: {problem.message}"[:500]
    except RecursionError as problem:
        return str(problem)
    return None


def misfit(value: Any, schema: dict[str, Any]) -> str | None:
    """Return where and how `value` does not fit `schema` (in English, by the library), or None when it fits."""
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    try:
        problem = best_match(_validator(schema).iter_errors(value))
    except (Unresolvable, RecursionError) as failure:
        return f"{type(failure).__name__}: {failure}"[:300]
    return problem and f"{problem.json_path}: {problem.message}"[:300]


def _validator(schema: dict[str, Any]) -> Any:
    from referencing import Registry

    return _validator_class()(schema, registry=Registry())  # an empty registry: nothing is ever fetched


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend  # type: ignore[import-untyped]

    def pattern(_: Any, wanted: str, instance: Any, __: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and find(wanted, instance) is None:
            yield ValidationError(f"{instance!r} does not match {wanted!r}")

    return extend(Draft202012Validator, {"pattern": pattern})


def _keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield every keyword of a schema and of the schemas in it, passing over names and values that only look like one."""
    if isinstance(schema, list):
        for part in schema:
            yield from _keywords(part)
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        yield keyword, value
        if keyword in NAMES_BELOW and isinstance(value, dict):
            yield from _keywords(list(value.values()))
        elif keyword not in VALUES:
            yield from _keywords(value)
