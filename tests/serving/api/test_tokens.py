"""Tokens of a text and back, held against transformers."""

from __future__ import annotations

import json
from typing import Any

from tests.serving.conftest import Running, Taught
from tests.serving.test_errors import raw

TEXT = "<|im_start|>user\n한글 😀 it's 2026<|im_end|>"


def post(server: Running, path: str, **fields: Any) -> tuple[int, Any]:
    """Return status and body of a request."""
    status, _, body = raw(server, "POST", path, json.dumps(fields).encode())
    return status, body


def test_tokens_are_transformers_own(server: Running, taught: Taught) -> None:
    from transformers import AutoTokenizer

    expected = AutoTokenizer.from_pretrained(taught.folder).encode(TEXT)
    assert post(server, "/tokenize", content=TEXT) == (
        200,
        {"tokens": expected, "count": len(expected), "max_model_len": 4096},
    )
    assert post(server, "/tokenize", model=server.name, prompt=TEXT)[1]["tokens"] == expected  # vLLM's form
    assert post(server, "/detokenize", tokens=expected) == (200, {"content": TEXT, "prompt": TEXT})


def test_control_tokens_can_be_plain_text(server: Running) -> None:
    whole, plain = (
        post(server, "/tokenize", content="<|im_end|>", parse_special=value)[1]["count"] for value in (True, False)
    )
    assert whole == 1 < plain


def test_pieces(server: Running) -> None:
    _, body = post(server, "/tokenize", content=TEXT, with_pieces=True)
    data = b"".join(
        bytes(one["piece"]) if isinstance(one["piece"], list) else one["piece"].encode() for one in body["tokens"]
    )
    assert data.decode() == TEXT
    assert any(isinstance(one["piece"], list) for one in body["tokens"])  # half of a character


def test_wrong_requests(server: Running) -> None:
    assert post(server, "/detokenize", tokens=[10_000_000])[1]["error"]["param"] == "tokens"
    assert post(server, "/detokenize", tokens=[-1])[1]["error"]["param"] == "tokens.0"
    assert post(server, "/tokenize")[1]["error"]["param"] == "content"
    assert post(server, "/tokenize", content="x", model="another")[0] == 404
    assert post(server, "/tokenize", content="") == (200, {"tokens": [], "count": 0, "max_model_len": 4096})
