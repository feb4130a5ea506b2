"""What a wrong request gets: the right status, OpenAI's error object, the field's name, and a server that lives on."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from tests.serving.conftest import PAIRS, Running, ask


def raw(
    server: Running, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    """Send one request by hand; return status, headers and the decoded JSON."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
    response = connection.getresponse()
    data = json.loads(response.read())
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, data


def chat(server: Running, **fields: Any) -> tuple[int, dict[str, str], Any]:
    """POST a chat request made of a good one and `fields`."""
    body = {"model": server.name, "messages": ask("Say hello"), "temperature": 0, **fields}
    return raw(server, "POST", "/v1/chat/completions", json.dumps(body).encode())


BAD_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"temperature": -5}, "temperature", "invalid_value"),
    ({"temperature": 2.5}, "temperature", "invalid_value"),
    ({"temperature": "hot"}, "temperature", "invalid_value"),
    ({"temperature": "0.5"}, "temperature", "invalid_value"),
    ({"top_p": 0}, "top_p", "invalid_value"),
    ({"top_p": 1.5}, "top_p", "invalid_value"),
    ({"top_k": -1}, "top_k", "invalid_value"),
    ({"min_p": 2}, "min_p", "invalid_value"),
    ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    ({"max_tokens": 1.5}, "max_tokens", "invalid_value"),
    ({"max_completion_tokens": -1}, "max_completion_tokens", "invalid_value"),
    ({"presence_penalty": 3}, "presence_penalty", "invalid_value"),
    ({"frequency_penalty": -3}, "frequency_penalty", "invalid_value"),
    ({"repeat_penalty": 0}, "repeat_penalty", "invalid_value"),
    ({"seed": "x"}, "seed", "invalid_value"),
    ({"seed": 2**70}, "seed", "invalid_value"),
    ({"stop": 5}, "stop", "invalid_value"),
    ({"stop": ["a"] * 17}, "stop", "invalid_value"),
    ({"stream": "yes"}, "stream", "invalid_value"),
    ({"stream_options": {"what": 1}}, "stream_options.what", "unknown_parameter"),
    ({"n": 0}, "n", "invalid_value"),
    ({"n": 17}, "n", "invalid_value"),
    ({"logprobs": 1}, "logprobs", "invalid_value"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
    ({"logprobs": True, "top_logprobs": -1}, "top_logprobs", "invalid_value"),
    ({"top_logprobs": 3}, "top_logprobs", "invalid_value"),
    ({"logit_bias": {"5": 101}}, "logit_bias.5", "invalid_value"),
    ({"logit_bias": {"999999": 1}}, "logit_bias", "invalid_value"),
    ({"logit_bias": {"x": 1}}, "logit_bias.x", "invalid_value"),
    ({"logit_bias": [1]}, "logit_bias", "invalid_value"),
    ({"tools": [{"type": "magic"}]}, "tools.0.type", "invalid_value"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name", "invalid_value"),
    ({"tools": 5}, "tools", "invalid_value"),
    ({"tool_choice": "maybe"}, "tool_choice", "invalid_value"),
    ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    ({"response_format": {"type": "yaml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format", "missing_required_parameter"),
    ({"modalities": ["text", "audio"]}, "modalities.1", "invalid_value"),
    ({"chat_template_kwargs": {"messages": []}}, "chat_template_kwargs", "invalid_value"),
    ({"chat_template_kwargs": "x"}, "chat_template_kwargs", "invalid_value"),
    ({"temprature": 1}, "temprature", "unknown_parameter"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": "hello"}, "messages", "invalid_value"),
    ({"messages": [5]}, "messages.0", "invalid_value"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role", "invalid_value"),
    ({"messages": [{"content": "x"}]}, "messages.0.role", "missing_required_parameter"),
    ({"messages": [{"role": "user"}]}, "messages.0.content", "invalid_value"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content", "invalid_value"),
    ({"messages": [{"role": "user", "content": "x", "weird": 1}]}, "messages.0.weird", "unknown_parameter"),
    ({"model": 5}, "model", "invalid_value"),
]


@pytest.mark.parametrize(("fields", "param", "code"), BAD_FIELDS, ids=lambda value: str(value)[:40])
def test_a_wrong_field_is_named(server: Running, fields: dict[str, Any], param: str, code: str) -> None:
    status, _, body = chat(server, **fields)
    assert status == 400, body
    error = body["error"]
    assert error["param"] == param
    assert error["code"] == code
    assert error["type"] == "invalid_request_error"
    assert param in error["message"]


def test_images_are_refused_by_name(server: Running) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:,"}}
    status, _, body = chat(server, messages=[{"role": "user", "content": [part]}])
    assert status == 400
    assert body["error"]["param"] == "messages.0.content.0"
    assert "image_url" in body["error"]["message"]


def test_the_model_and_the_messages_are_needed(server: Running) -> None:
    status, _, body = raw(server, "POST", "/v1/chat/completions", b'{"messages": [{"role": "user", "content": "x"}]}')
    assert (status, body["error"]["param"], body["error"]["code"]) == (400, "model", "missing_required_parameter")


def test_an_unknown_model_lists_the_served_ones(server: Running) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        server.client.chat.completions.create(model="gpt-9", messages=ask("x"))
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert server.name in str(caught.value)


def test_a_prompt_over_the_context_says_both_lengths(server: Running) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        server.client.chat.completions.create(model=server.name, messages=ask("word " * 5000))
    assert caught.value.code == "context_length_exceeded"
    assert "4096" in str(caught.value)
    assert "tokens" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"not json", b"[1,2", b'{"model": }', b"\xff\xfe\x00", b'"\xed\xa0\x80"', b"[" * 200_000, b"5", b"[]"],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_request(server: Running, body: bytes) -> None:
    status, _, answer = raw(server, "POST", "/v1/chat/completions", body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"


def test_half_a_character_is_refused(server: Running) -> None:
    status, _, body = chat(server, messages=ask("\ud83d"))
    assert (status, body["error"]["param"]) == (400, "messages.0.content")


def test_special_values(server: Running) -> None:
    good = json.dumps({"model": server.name, "messages": ask("x")}).encode()
    for value in (b"NaN", b"Infinity", b"1e999"):
        body = good[:-1] + b', "temperature": ' + value + b"}"
        status, _, answer = raw(server, "POST", "/v1/chat/completions", body)
        assert (status, answer["error"]["param"]) == (400, "temperature")


def test_a_wrong_path_and_a_wrong_method(server: Running) -> None:
    status, _, body = raw(server, "GET", "/v1/nothing")
    assert (status, body["error"]["type"]) == (404, "invalid_request_error")
    status, _, body = raw(server, "GET", "/v1/chat/completions")
    assert status == 405
    assert "/v1/chat/completions" in body["error"]["message"]


def test_no_text_of_the_person_is_echoed(server: Running) -> None:
    secret = "주민등록번호 " * 10
    _, _, body = chat(server, stop=[5, secret], messages=[{"role": secret, "content": secret}])
    assert "주민등록번호" not in json.dumps(body, ensure_ascii=False)


def test_the_server_still_answers(server: Running) -> None:
    status, headers, body = chat(server)
    assert status == 200
    assert body["choices"][0]["message"]["content"] == PAIRS["Say hello"]
    assert headers["x-request-id"].startswith("req_")
