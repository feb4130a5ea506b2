"""A client's JSON schemas made ready for a grammar: looked over for size, then tried out, so that none is half enforced."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.errors import WorkError
from serving.api.errors import ApiError
from serving.structured.constraint import plain_reason

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
_TRIAL = Path(__file__).with_name("trial.py")
_TRIAL_TIMEOUT_S = 30.0  # by the clock, on a busy machine; the trial limits its own seconds of work
_KNOWN = 512  # schemas whose trial is remembered
_COMBINING = {"allOf", "anyOf", "oneOf", "$ref"}
_OPEN = {"additionalProperties", "patternProperties", "unevaluatedProperties"}
_NAMED = {"properties", "patternProperties", "$defs", "definitions"}
_LISTED = {"anyOf", "oneOf", "prefixItems"}
_SINGLE = {"items", "additionalProperties"}
# A client may not loosen what is enforced, and small models loop on free white space: at most one blank after , and :.
_STYLE = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?", "lenient": False}
# A grammar's hash to the reason against it, so that a repeated schema costs nothing; a grammar may have a megabyte.
_tried: OrderedDict[bytes, str] = OrderedDict()
_lock = threading.Lock()
_trials = threading.Semaphore(2)  # hostile schemas in many requests do not take all cores


@dataclass(frozen=True)
class Schema:
    """A schema as the grammar takes it; `param` is the request's field that holds it."""

    param: str
    json: dict[str, Any]

    @property
    def rule(self) -> str:
        """The piece of a grammar that stands for JSON of this schema."""
        return json_rule(self.json)


def read_schema(schema: Any, param: str) -> Schema:
    """Return `schema` ready to be tried; raises ApiError 400 when it is no schema or too large."""
    if schema is True:
        schema = {}
    if not isinstance(schema, dict):
        raise ApiError(400, "serving_structured.not_a_schema", param=param, code="invalid_value")
    _check_depth(schema, param)
    try:
        text = json.dumps(schema, allow_nan=False)
    except ValueError as problem:
        raise ApiError(400, "serving_structured.not_a_schema", param=param, code="invalid_value") from problem
    if len(text) > MAX_BYTES:
        raise _too_large(param, f"{len(text)} bytes", f"{MAX_BYTES} bytes")
    made = {key: value for key, value in schema.items() if key != "$schema"}
    if '"allOf"' not in text:  # parts that are closed one by one could not hold together
        made = _closed(made)
    return Schema(param, {**made, "x-guidance": _STYLE})


def json_rule(schema: dict[str, Any]) -> str:
    """Return the piece of a grammar that stands for JSON of `schema`."""
    return "%json " + json.dumps(schema)


def check(schemas: Sequence[Schema]) -> None:
    """Try the schemas out; raises ApiError 400 for the first that cannot be enforced in full or takes too much work.

    A schema that was not seen lately costs a tenth of a second: it is tried in another process.
    """
    grammars = {f"start: {schema.rule}": schema for schema in schemas}
    hashes = {grammar: hashlib.sha256(grammar.encode()).digest() for grammar in grammars}
    with _lock:
        new = [grammar for grammar in grammars if hashes[grammar] not in _tried]
    reasons = _try_out(new)
    with _lock:
        _tried.update(zip([hashes[grammar] for grammar in new], reasons, strict=False))
        found = {grammar: _tried.get(hashes[grammar], "") for grammar in grammars}
        while len(_tried) > _KNOWN:
            _tried.popitem(last=False)
    for grammar, schema in grammars.items():
        if reason := found[grammar]:
            raise ApiError(
                400, "serving_structured.schema_refused", param=schema.param, code="invalid_value", reason=reason
            )


def _try_out(grammars: list[str]) -> list[str]:
    """Return the reason against each grammar, "" for none; those after one that is too much are not tried."""
    if not grammars:
        return []
    with _trials:
        try:
            done = subprocess.run(
                [sys.executable, "-I", str(_TRIAL)],
                input=json.dumps(grammars),
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_TRIAL_TIMEOUT_S,
                check=False,
            )
            written = done.stdout
        except subprocess.TimeoutExpired as problem:
            written = (problem.stdout or b"").decode("utf-8")
    lines = written.split("\n")[:-1]
    if lines[:1] != ["ready"]:
        raise WorkError("serving_structured.no_trial")
    reasons = [plain_reason(line) for line in lines[1:]]
    return reasons if len(reasons) == len(grammars) else [*reasons, "it takes too much work or memory"]


def _check_depth(schema: dict[str, Any], param: str) -> None:
    """Raise ApiError when the schema is nested too deeply; without recursion."""
    todo: list[tuple[Any, int]] = [(schema, 1)]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise _too_large(param, f"{depth} levels", f"{MAX_DEPTH} levels")
        children = list(node.values()) if isinstance(node, dict) else node
        todo.extend((child, depth + 1) for child in children if isinstance(child, dict | list))


def _closed(node: Any) -> Any:
    """Return the schema with objects that list their properties and say nothing of others closed to others.

    An answer still follows the schema, and a model cannot go on inventing properties.
    """
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for key, value in node.items():
        if key in _NAMED and isinstance(value, dict):
            made[key] = {name: _closed(one) for name, one in value.items()}
        elif key in _LISTED and isinstance(value, list):
            made[key] = [_closed(one) for one in value]
        else:
            made[key] = _closed(value) if key in _SINGLE else value
    properties, required = node.get("properties"), node.get("required", [])
    if isinstance(properties, dict) and isinstance(required, list) and not (_OPEN | _COMBINING) & node.keys():
        made["additionalProperties"] = any(not isinstance(name, str) or name not in properties for name in required)
    return made


def _too_large(param: str, value: str, limit: str) -> ApiError:
    return ApiError(
        400, "serving_structured.schema_too_large", param=param, code="invalid_value", value=value, limit=limit
    )
