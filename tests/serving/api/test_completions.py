"""Plain completions through the openai client: every kind of prompt, echo, log-probabilities, several answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.serving.conftest import PAIRS, Running, Taught, ask

HELLO = "<|im_start|>user\nSay hello<|im_end|>\n<|im_start|>assistant\n"
COUNT = HELLO.replace("Say hello", "Count")


def complete(server: Running, prompt: Any = HELLO, **options: Any) -> Any:
    """Return a completion, greedy unless told otherwise."""
    values: dict[str, Any] = {"temperature": 0, **options}
    return server.client.completions.create(model=server.name, prompt=prompt, **values)


def tokens_of(taught: Taught, text: str) -> list[int]:
    """Return what transformers makes of a text."""
    from transformers import AutoTokenizer

    return [int(token) for token in AutoTokenizer.from_pretrained(taught.folder).encode(text)]


def test_a_completion_has_openai_s_shape(server: Running, taught: Taught) -> None:
    response = complete(server, max_tokens=50)
    assert (response.object, response.model) == ("text_completion", server.name)
    assert response.id.startswith("cmpl-")
    (choice,) = response.choices
    assert (choice.index, choice.text, choice.finish_reason, choice.logprobs) == (0, PAIRS["Say hello"], "stop", None)
    assert response.usage.prompt_tokens == len(tokens_of(taught, HELLO))


def test_sixteen_tokens_unless_told(server: Running) -> None:
    response = complete(server, COUNT)
    assert (response.usage.completion_tokens, response.choices[0].finish_reason) == (16, "length")


def test_every_kind_of_prompt(server: Running, taught: Taught) -> None:
    ids = [tokens_of(taught, HELLO), tokens_of(taught, COUNT)]
    expected = [complete(server, prompt).choices[0].text for prompt in (HELLO, COUNT)]
    for prompt in ([HELLO, COUNT], ids):
        choices = complete(server, prompt).choices
        assert [choice.text for choice in choices] == expected
        assert [choice.index for choice in choices] == [0, 1]
    assert complete(server, ids[0]).choices[0].text == expected[0]
    assert complete(server, [HELLO]).choices[0].text == expected[0]


def test_answers_of_several_prompts_in_order(server: Running) -> None:
    choices = complete(server, [HELLO, COUNT], n=2, max_tokens=3).choices
    assert [choice.index for choice in choices] == [0, 1, 2, 3]
    assert choices[0].text == choices[1].text != choices[2].text == choices[3].text


def test_echo(server: Running, taught: Taught) -> None:
    assert complete(server, echo=True, max_tokens=50).choices[0].text == HELLO + PAIRS["Say hello"]
    assert complete(server, tokens_of(taught, HELLO), echo=True, max_tokens=50).choices[0].text.startswith(HELLO)
    events = list(complete(server, echo=True, max_tokens=50, stream=True))
    assert "".join(event.choices[0].text for event in events) == HELLO + PAIRS["Say hello"]


def test_logprobs_of_the_prompt_too(server: Running, taught: Taught) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    response = complete(server, echo=True, logprobs=2, max_tokens=0)
    (choice,) = response.choices
    ids = tokens_of(taught, HELLO)
    assert (choice.text, choice.finish_reason) == (HELLO, "length")
    assert response.usage.completion_tokens == 0
    logprobs = choice.logprobs
    assert "".join(logprobs.tokens) == HELLO
    assert [HELLO[at : at + len(token)] for at, token in zip(logprobs.text_offset, logprobs.tokens, strict=True)] == (
        logprobs.tokens
    )
    assert (logprobs.token_logprobs[0], logprobs.top_logprobs[0]) == (None, None)
    model = AutoModelForCausalLM.from_pretrained(taught.folder, dtype=torch.float32)
    with torch.no_grad():
        expected = torch.log_softmax(model(torch.tensor([ids])).logits[0], -1)
    wanted = [float(expected[place, token]) for place, token in enumerate(ids[1:])]
    assert logprobs.token_logprobs[1:] == pytest.approx(wanted, abs=0.1)
    assert all(len(top) == 2 for top in logprobs.top_logprobs[1:])


def test_logprobs_of_the_answer(server: Running) -> None:
    logprobs = complete(server, logprobs=0, max_tokens=50).choices[0].logprobs
    assert "".join(logprobs.tokens).startswith(PAIRS["Say hello"])
    assert logprobs.top_logprobs is None
    events = list(complete(server, logprobs=1, max_tokens=50, stream=True))
    parts = [event.choices[0].logprobs for event in events if event.choices[0].logprobs]
    assert [token for part in parts for token in part.tokens][: len(logprobs.tokens)] == logprobs.tokens
    offsets = [offset for part in parts for offset in part.text_offset]
    assert offsets == sorted(offsets)
    assert offsets[0] == 0


def test_a_stream_ends_with_usage_when_asked(server: Running) -> None:
    events = list(complete(server, [HELLO, COUNT], stream=True, stream_options={"include_usage": True}))
    for number, prompt in enumerate((HELLO, COUNT)):
        mine = [event.choices[0] for event in events if event.choices and event.choices[0].index == number]
        assert "".join(choice.text for choice in mine) == complete(server, prompt).choices[0].text
        assert [choice.finish_reason for choice in mine[:-1]] == [None] * (len(mine) - 1)
        assert mine[-1].finish_reason in ("stop", "length")
    assert (events[-1].choices, events[-2].usage) == ([], None)
    assert events[-1].usage.total_tokens == complete(server, [HELLO, COUNT]).usage.total_tokens


def test_the_best_of_several(server: Running) -> None:
    options: dict[str, Any] = {"temperature": 2.0, "seed": 1, "max_tokens": 6, "logprobs": 0}
    every = complete(server, "The", n=4, **options).choices
    best = complete(server, "The", best_of=4, **options).choices
    means = [sum(choice.logprobs.token_logprobs) / len(choice.logprobs.token_logprobs) for choice in every]
    assert [choice.text for choice in best] == [every[means.index(max(means))].text]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt.0"),
        ({"prompt": [-1]}, "prompt.0"),
        ({"prompt": [10_000_000]}, "prompt"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"prompt": "word " * 5000}, "prompt"),
        ({"logprobs": 6}, "logprobs"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"n": 3, "best_of": 2}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"echo": True, "logprobs": 1, "stream": True}, "echo"),
        ({"suffix": "end"}, "suffix"),
        ({"messages": []}, "messages"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_field_is_named(server: Running, fields: dict[str, Any], param: str) -> None:
    body = {"model": server.name, "prompt": "x", **fields}
    with pytest.raises(openai.BadRequestError) as caught:
        server.client.post("/completions", body=body, cast_to=object)
    assert caught.value.param == param


def test_a_model_that_can_fills_in(thinker: Running) -> None:
    between = thinker.client.completions.create(model=thinker.name, prompt="def f(", suffix="return x", temperature=0)
    plain = thinker.client.completions.create(model=thinker.name, prompt="def f(", temperature=0)
    parts = [
        thinker.client.post("../tokenize", body={"content": text}, cast_to=object) for text in ("def f(", "return x")
    ]
    assert between.usage and plain.usage
    assert between.usage.prompt_tokens == sum(part["count"] for part in parts) + 3  # type: ignore[index]
    with pytest.raises(openai.BadRequestError) as caught:
        thinker.client.completions.create(model=thinker.name, prompt=[1, 2], suffix="x")
    assert caught.value.param == "suffix"


def test_a_chat_is_a_completion_of_its_template(server: Running, start: Callable[..., Running]) -> None:
    chat = server.client.chat.completions.create(model=server.name, messages=ask("Say hello"), temperature=0)
    assert chat.choices[0].message.content == complete(server, max_tokens=50).choices[0].text
