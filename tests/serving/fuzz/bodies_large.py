"""More bodies that mean harm: large and deep ones, schemas that explode, and every field as something else."""

from __future__ import annotations

import json
from typing import Any

from tests.serving.fuzz.bodies import (
    CHAT,
    DETOKENIZE,
    EMBEDDINGS,
    MB,
    NUMBERS,
    PLAIN,
    RESPONSES,
    TEXTS,
    TOKENIZE,
    TOOL,
    USER,
    Case,
    around,
    made,
    nested,
    said,
    schema,
    tools,
)

SIZES = [
    Case("10 MB of blanks", CHAT, b" " * 10 * MB, 400),
    Case("10 MB of one word", CHAT, around(b"user", b'"' + b"a" * 10 * MB + b'"'), 200),
    Case("over the limit", CHAT, b" " * (16 * MB + 1), 413, None, "request_too_large"),
    made("a message of 4 MB", CHAT, said("a" * 4 * MB), 400, "messages", "context_length_exceeded"),
    made("a prompt of 2 MB of words", PLAIN, {"prompt": "word " * 400_000}, 400, "prompt", "context_length_exceeded"),
    made("2 MB of brackets to split", TOKENIZE, {"content": "<|" * MB}, 200),
    made("300,000 tokens to join", DETOKENIZE, {"tokens": [5] * 300_000}, 200),
    made("10,000 messages", CHAT, {"messages": [USER] * 10_000}, 400, "messages", "context_length_exceeded"),
    made("10,000 items", RESPONSES, {"input": [USER] * 10_000}, 400, "input", "context_length_exceeded"),
    made(
        "10,000 parts", CHAT, said([{"type": "text", "text": ""}] * 10_000), 400, "messages", "context_length_exceeded"
    ),
    made("500,000 wrong messages", CHAT, {"messages": [5] * 500_000}, 400, "messages.0"),
    made("500,000 wrong parts", CHAT, said([5] * 500_000), 400, "messages.0.content.0"),
    made("500,000 wrong tokens", DETOKENIZE, {"tokens": [""] * 500_000}, 400, "tokens.0"),
    made("500,000 wrong prompts", PLAIN, {"prompt": [[[]]] * 500_000}, 400, "prompt.0.0"),
    made("500,000 wrong items", RESPONSES, {"input": [5] * 500_000}, 400, "input.0"),
    made("100,000 unknown fields", CHAT, {f"x{number}": 1 for number in range(100_000)}, 400),
    made(
        "100,000 unknown fields of a message",
        CHAT,
        {"messages": [{f"x{n}": 1 for n in range(100_000)}]},
        400,
        "messages.0",
    ),
    made("a model of 1 MB", CHAT, {"model": "m" * MB}, 404, "model", "model_not_found"),
    made("a model of 1 MB to embed", EMBEDDINGS, {"model": "m" * MB}, 404, "model", "model_not_found"),
    made("a role of 1 MB", CHAT, {"messages": [{"role": "r" * MB, "content": "x"}]}, 400, "messages.0.role"),
    made("a part of a kind of 1 MB", CHAT, said([{"type": "t" * MB}]), 400, "messages.0.content.0"),
    made("an item of a kind of 1 MB", RESPONSES, {"input": [{"type": "t" * MB}]}, 400, "input.0"),
    made("a field of 1 MB", CHAT, {"f" * MB: 1}, 400, "f" * 2000, "unknown_parameter"),
    made("16 stops of 500 kB", CHAT, {"stop": ["s" * 500_000] * 16, "max_tokens": 20}, 200),
    made("17 stops", CHAT, {"stop": ["s"] * 17}, 400, "stop"),
    made("empty stops", CHAT, {"stop": ["", ""]}, 200),
    made("a name of 1 MB", CHAT, said("x", name="n" * MB), 200),
    made("1,000 tools", CHAT, {"tools": tools(1000)}, 400, "tools"),
    made("a tool twice", CHAT, {"tools": [TOOL, TOOL]}, 400, "tools[1].function.name"),
    made(
        "a tool's description of 1 MB",
        CHAT,
        {"tools": [{"type": "function", "function": {"name": "f", "description": "d" * MB}}]},
        400,
        "messages",
        "context_length_exceeded",
    ),
    made("2,048 texts to embed", EMBEDDINGS, {"input": ["a"] * 2048, "encoding_format": "base64"}, 200),
    made("2,049 texts to embed", EMBEDDINGS, {"input": ["a"] * 2049}, 400, "input"),
    made("a text of 1 MB to embed", EMBEDDINGS, {"input": "a " * 500_000}, 400, "input", "context_length_exceeded"),
    made("1,025 prompts", PLAIN, {"prompt": ["a"] * 1025}, 400, "prompt"),
    made("more answers than may be", PLAIN, {"prompt": ["a"] * 1024, "n": 16}, 400, "n"),
    made("600 prompts", PLAIN, {"prompt": ["a"] * 600, "max_tokens": 1}, 200),
]
DEPTHS = [
    *(
        Case(
            f"{depth} levels in {field}",
            CHAT,
            around(field.encode(), value.replace(b"DEEP", nested(depth))),
            status,
            param,
            code,
        )
        for depth in (500, 100_000)
        for field, value, status, param, code in (
            ("stop", b"DEEP", 400, "stop.0" if depth == 500 else None, "invalid_value" if depth == 500 else None),
            ("metadata", b'{"x": DEEP}', 200 if depth == 500 else 400, None, None),
            (
                "tools",
                b'[{"type": "function", "function": {"name": "f"}, "x": DEEP}]',
                200 if depth == 500 else 400,
                None,
                None,
            ),
            ("chat_template_kwargs", b'{"x": DEEP}', 200 if depth == 500 else 400, None, None),
        )
    ),
    Case("100,000 objects deep", CHAT, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    Case("100,000 levels, never closed", RESPONSES, b"[" * 100_000, 400),
    Case(
        "a schema of 100 levels",
        CHAT,
        around(
            b"response_format",
            b'{"type": "json_schema", "json_schema": {"name": "x", "schema": {"const": %s}}}' % nested(100),
        ),
        400,
        "response_format",
        "invalid_value",
    ),
    Case(
        "an item whose kind is 500 deep",
        RESPONSES,
        b'{"model": "MODEL", "input": [{"type": %s}]}' % nested(500),
        400,
        "input.0",
        "invalid_value",
    ),
    Case("the last of two fields counts", CHAT, around(b"max_tokens", b"0"), 400, "max_tokens", "invalid_value"),
    Case("the last of two models counts", CHAT, around(b"model", b'"gpt-9"'), 404, "model", "model_not_found"),
]
PATTERNS = {
    "a catastrophic pattern": {"type": "string", "pattern": "^(a+)+(a|aa)+(a*)*$"},
    "a pattern of a milliard": {"type": "string", "pattern": "^((a{1,1000}){1,1000}){1,1000}$"},
    "a reference to itself": {"type": "object", "properties": {"a": {"$ref": "#"}}, "additionalProperties": False},
}
REFUSED = {
    "patterns that meet": {"type": "string", "allOf": [{"pattern": f"^(a|b)*a(a|b){{{n}}}$"} for n in (18, 19, 20)]},
    "a broken pattern": {"type": "string", "pattern": "(((["},
    "a reference to nowhere": {"$ref": "#/$defs/nowhere"},
    "a reference to the network": {"$ref": "http://127.0.0.1:1/schema.json"},
    "a reference to a file": {"$ref": "file:///etc/passwd"},
    "a circle of references": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    "nothing fits": {"type": "integer", "minimum": 5, "maximum": 4},
    "a keyword that cannot be kept": {"type": "array", "uniqueItems": True},
    "an enum of half a megabyte": {"enum": [f"word {number}" for number in range(50_000)]},
}
FORMS = [
    *(made(name, CHAT, schema(value), 200) for name, value in PATTERNS.items()),
    *(made(name, CHAT, schema(value), 400, "response_format") for name, value in REFUSED.items()),
    made("a schema that is a list", CHAT, schema([1]), 400, "response_format.json_schema.schema"),
    made(
        "a grammar",
        CHAT,
        {"response_format": {"type": "grammar", "grammar": "start: start start"}},
        400,
        "response_format.type",
    ),
    made("a choice of nothing", CHAT, {"tool_choice": "required"}, 400, "tool_choice"),
    made(
        "a choice of another tool",
        CHAT,
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "x"}}},
        400,
        "tool_choice",
    ),
    made(
        "a picture",
        CHAT,
        said([{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]),
        400,
        "messages.0.content.0",
    ),
]
TEXT_FIELDS = ("model", "instructions", "suffix", "content")
FIELDS = {
    CHAT: ("messages", "model", "temperature", "stream", "tools", "max_tokens", "logprobs", "logit_bias"),
    PLAIN: ("n", "echo", "best_of", "suffix"),
    RESPONSES: ("instructions", "max_output_tokens"),
    EMBEDDINGS: ("dimensions", "encoding_format"),
    TOKENIZE: ("content", "with_pieces"),
    DETOKENIZE: ("tokens",),
}
WRONG: tuple[Any, ...] = ({"": {}}, "\u202e", 5)
KINDS = [
    made(f"{field} as {json.dumps(value)}", path, {field: value}, 400, field)
    for path, fields in FIELDS.items()
    for field in fields
    for value in WRONG
    if not (
        value == 5 and field in ("max_tokens", "n", "best_of", "max_output_tokens", "dimensions")
    )  # 5 is right there
    and not (isinstance(value, str) and field in TEXT_FIELDS)
    and (field, value) != ("logit_bias", {"": {}})
]
EVERYTHING = [*TEXTS, *NUMBERS, *SIZES, *DEPTHS, *FORMS, *KINDS]
