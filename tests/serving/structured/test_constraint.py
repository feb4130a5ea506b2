"""Whatever is written under a constraint is valid JSON of the schema, and no schema can take the server down."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from mactuner_core.errors import MacTunerError
from serving.api.errors import ApiError
from serving.engine.llama import Model
from serving.structured import constraint_for
from serving.structured.vocabulary import Vocabulary, vocabulary_of
from tests.serving.structured.conftest import Write

_PERSON = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}}}
SCHEMAS: dict[str, Any] = {
    "integer between": {"type": "integer", "minimum": -5, "maximum": 40},
    "number": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "multiple": {"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 7000},
    "enum": {"enum": ["가", "b", 3, None, True]},
    "const": {"const": {"a": [1, "둘"]}},
    "length": {"type": "string", "minLength": 3, "maxLength": 5},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
    "date": {"type": "string", "format": "date"},
    "uuid": {"type": "string", "format": "uuid"},
    "list": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 4},
    "tuple": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}], "items": False, "minItems": 2},
    "required": {**_PERSON, "required": ["name", "age"], "additionalProperties": False},
    "optional": _PERSON,
    "map": {"type": "object", "additionalProperties": {"type": "integer"}},
    "any of": {"anyOf": [_PERSON, {"type": "array", "items": _PERSON, "maxItems": 2}]},
    "all of": {
        "allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}]
    },
    "nested ref": {
        "$ref": "#/$defs/tree",
        "$defs": {
            "tree": {
                "type": "object",
                "title": "Tree",
                "description": "a tree",
                "properties": {
                    "value": {"type": "integer"},
                    "kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 1},
                },
                "required": ["value"],
            }
        },
    },
    "draft 7": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"a": {"type": "null"}},
        "$ref": "#/definitions/a",
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_random_tokens_follow_the_schema(name: str, model: Model, write: Write) -> None:
    schema = SCHEMAS[name]
    constraint = constraint_for(model, {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert constraint is not None
    whole = 0
    for seed in range(12):
        text, is_whole = write(constraint.copy(), seed)
        if is_whole:
            whole += 1
            jsonschema.validate(json.loads(text), {key: value for key, value in schema.items() if key != "$schema"})
    assert whole >= 6


def test_json_object_gives_an_object(model: Model, write: Write) -> None:
    constraint = constraint_for(model, {"type": "json_object"})
    assert constraint is not None
    found = [json.loads(text) for text, whole in (write(constraint.copy(), seed) for seed in range(20)) if whole]
    assert len(found) >= 10 and all(isinstance(value, dict) for value in found)


def test_little_white_space_is_allowed(model: Model) -> None:
    constraint = constraint_for(model, {"type": "json_schema", "schema": SCHEMAS["required"]})
    assert constraint is not None
    for start in ("{ ", "{\n", " {"):
        fresh, refused = constraint.copy(), False
        for token in model.tokenize(start):
            if not fresh.mask()[token]:
                refused = True
                break
            fresh.accept(int(token))
        assert refused, start


def test_the_end_is_only_allowed_where_the_answer_is_whole(model: Model) -> None:
    constraint = constraint_for(model, {"type": "json_schema", "schema": {"type": "integer"}})
    assert constraint is not None
    ends = [token for token in range(model.size) if model.is_end(token)]
    assert ends and not constraint.mask()[ends].any()
    constraint.accept(int(model.tokenize("4")[0]))
    assert constraint.mask()[ends].all() and not constraint.complete()
    constraint.accept(ends[0])
    assert constraint.complete()


def test_control_tokens_never_come_inside_text(vocabulary: Vocabulary, model: Model) -> None:
    constraint = constraint_for(model, {"type": "json_schema", "schema": {"type": "string"}})
    assert constraint is not None
    constraint.accept(int(model.tokenize('"')[0]))
    mask = constraint.mask()
    assert mask.dtype == np.bool_ and mask.shape == (model.size,)
    assert vocabulary.controls.keys() >= {"<|im_start|>", "<|im_end|>"}
    assert not mask[list(vocabulary.controls.values())].any() and mask.sum() > 100


def test_copies_do_not_share_their_place(model: Model) -> None:
    first = constraint_for(model, {"type": "json_schema", "schema": {"enum": ["ab", "cd"]}})
    assert first is not None
    second = first.copy()
    before = second.mask()
    first.accept(int(model.tokenize('"')[0]))
    assert (second.mask() == before).all() and not (first.mask() == before).all()


def test_a_token_that_does_not_fit_is_an_error_of_ours(model: Model) -> None:
    constraint = constraint_for(model, {"type": "json_schema", "schema": {"type": "integer"}})
    assert constraint is not None
    with pytest.raises(MacTunerError):
        constraint.accept(int(model.tokenize("{")[0]))
    with pytest.raises(MacTunerError):
        constraint.mask()


def test_the_vocabulary_is_read_once(model: Model) -> None:
    assert vocabulary_of(model) is vocabulary_of(model)


REFUSED: dict[str, Any] = {
    "not": {"not": {"type": "string"}},
    "if": {"if": {"type": "string"}, "then": {"minLength": 2}},
    "uniqueItems": {"type": "array", "uniqueItems": True},
    "dependentRequired": {"type": "object", "dependentRequired": {"a": ["b"]}},
    "unknown format": {"type": "string", "format": "banana"},
    "lookahead": {"type": "string", "pattern": "(?=a)b"},
    "overlapping oneOf": {"oneOf": [{"type": "string"}, {"minLength": 2}]},
    "remote ref": {"$ref": "https://example.com/schema.json"},
    "missing ref": {"$ref": "#/$defs/none"},
    "endless ref": {"$ref": "#"},
    "ring of refs": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    "unsatisfiable": {"type": "string", "minLength": 5, "maxLength": 2},
    "false": False,
    "number": 3,
    "list": [{"type": "string"}],
    "text": "object",
    "wrong type": {"type": "banana"},
    "type of a number": {"type": 5},
    "properties a list": {"type": "object", "properties": []},
    "patterns that must hold together": {
        "allOf": [{"type": "string", "pattern": f"a{{{i},{i + 500}}}b.*c"} for i in range(60)]
    },
    "nested repetition": {"type": "string", "pattern": "^(a{1000}){1000}$"},
    "unsupported beside loosening": {"x-guidance": {"lenient": True}, "not": {}},
    "huge enum": {"enum": [f"value {number}" for number in range(200_000)]},
    "slow multiple": {"type": "integer", "multipleOf": 999_983},
    "infinite": {"type": "number", "minimum": float("inf")},
    "bomb of refs": {
        "$ref": "#/$defs/d30",
        "$defs": {
            "d0": {"type": "string"},
            **{
                f"d{i}": {
                    "allOf": [
                        {"anyOf": [{"$ref": f"#/$defs/d{i - 1}"}, {"type": kind}]} for kind in ("number", "string")
                    ]
                }
                for i in range(1, 31)
            },
        },
    },
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_schema_that_cannot_be_enforced_is_refused(name: str, model: Model) -> None:
    with pytest.raises(ApiError) as caught:
        constraint_for(
            model, {"type": "json_schema", "json_schema": {"name": "x", "schema": REFUSED[name], "strict": True}}
        )
    assert (caught.value.status, caught.value.param) == (400, "response_format")
    for language in ("en", "ko"):
        assert 20 < len(caught.value.text(language)) < 700


def test_the_refusal_names_the_keyword(model: Model) -> None:
    with pytest.raises(ApiError, match="uniqueItems"):
        constraint_for(model, {"type": "json_schema", "json_schema": {"name": "x", "schema": REFUSED["uniqueItems"]}})


def test_ten_thousand_levels_are_refused(model: Model) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(10_000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(ApiError, match="65 levels"):
        constraint_for(model, {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})


def test_the_deepest_schema_allowed_is_compiled(model: Model) -> None:
    schema: dict[str, Any] = {}
    for _ in range(63):
        schema = {"type": "array", "items": schema}
    assert constraint_for(model, {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}) is not None


@pytest.mark.parametrize(
    "response_format", ["json", 3, [], {}, {"type": "xml"}, {"type": None}, {"type": "json_schema"}]
)
def test_an_unknown_format_is_refused(response_format: Any, model: Model) -> None:
    with pytest.raises(ApiError) as caught:
        constraint_for(model, response_format)
    assert (caught.value.status, caught.value.param) == (400, "response_format")


def test_text_needs_no_constraint(model: Model) -> None:
    assert constraint_for(model, None) is None and constraint_for(model, {"type": "text"}) is None


HOSTILE: dict[str, Any] = {
    "nested repetition": {"type": "string", "pattern": "^(a{1000}){1000}$"},
    "catastrophic": {"type": "string", "pattern": "^(a+)+$"},
    "doubling": {"type": "string", "pattern": "^(.*a.{20}b|.*b.{21}c|.*c.{19}a)*$"},
    "optional": {"type": "string", "pattern": "^(a?){500}a{500}$"},
    "long": {"type": "string", "minLength": 10**9},
    "many": {"type": "array", "minItems": 10**9, "items": {"type": "integer"}},
    "alternatives": {
        "anyOf": [
            {"type": "array", "items": {"anyOf": [{"type": "string", "maxLength": i * j} for i in range(1, 40)]}}
            for j in range(1, 40)
        ]
    },
    "many properties": {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(2000)}},
    "ambiguous recursion": {
        "$ref": "#/$defs/n",
        "$defs": {
            "n": {
                "anyOf": [
                    {"type": "array", "items": {"$ref": "#/$defs/n"}},
                    {"type": "array", "prefixItems": [{"$ref": "#/$defs/n"}]},
                ]
            }
        },
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_ends_in_an_answer_or_an_error(name: str, model: Model, write: Write) -> None:
    try:
        constraint = constraint_for(
            model, {"type": "json_schema", "json_schema": {"name": "x", "schema": HOSTILE[name]}}
        )
        assert constraint is not None
        text, is_whole = write(constraint, 1, most=200)
        assert not is_whole or json.loads(text) is not None
    except MacTunerError as problem:
        assert problem.values["reason"]
    easy = constraint_for(model, {"type": "json_schema", "json_schema": {"name": "x", "schema": {"const": 1}}})
    assert easy is not None and write(easy, 1) == ("1", True)  # the next request is as well as ever
