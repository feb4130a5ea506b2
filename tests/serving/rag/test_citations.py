"""Citations and sources in whole and streamed replies, through the clients that people use."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import ResponseOutputText

from tests.serving.conftest import Running, ask
from tests.serving.rag.conftest import QUESTION, WORK, saying

SAID = "이사 휴가는 2년에 하루입니다 [1]. 모릅니다 [42]."


def asked(server: Running, stream: bool = False, **options: Any) -> Any:
    return server.client.chat.completions.create(
        model=f"{server.name}+{WORK}",
        messages=ask(QUESTION),
        response_format=saying(SAID),  # type: ignore[call-overload]
        stream=stream,
        **options,
    )


def test_a_reply_carries_its_citations_and_sources(rag_server: Running) -> None:
    reply = asked(rag_server)
    assert reply.model == f"{rag_server.name}+{WORK}"
    content = reply.choices[0].message.content
    assert content == f'"{SAID}"'
    (one,) = reply.choices[0].message.annotations
    assert one.type == "url_citation"
    assert content[one.url_citation.start_index : one.url_citation.end_index] == "[1]"
    assert one.url_citation.title == one.document
    first = reply.sources[0]
    assert (one.number, one.document, one.document_id) == (1, first["document"], first["document_id"])
    assert one.score == first["score"]
    assert first["text"][one.quote_start : one.quote_end] == one.quote
    assert "이사" in one.quote
    assert one.chunk_id in [chunk["chunk_id"] for chunk in first["chunks"]]
    assert [source["number"] for source in reply.sources] == list(range(1, len(reply.sources) + 1))
    assert reply.rag["unknown_citations"] == [42]
    assert reply.rag["collection"] == WORK
    assert reply.rag["query"] == QUESTION
    ChatCompletion.model_validate(reply.model_dump())


def test_a_stream_ends_with_the_same_citations(rag_server: Running) -> None:
    whole = asked(rag_server)
    chunks = list(asked(rag_server, stream=True, stream_options={"include_usage": True}))
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.model_dump())
    *_, last, usage = chunks
    assert usage.usage is not None and not usage.choices
    assert last.choices[0].finish_reason == "stop"
    assert last.sources == whole.sources
    assert last.rag == whole.rag
    expected = [one.model_dump() for one in whole.choices[0].message.annotations]
    assert last.choices[0].delta.annotations == expected
    assert not any(hasattr(chunk, "sources") for chunk in chunks if chunk is not last)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == whole.choices[0].message.content


def test_openai_s_stream_helper_keeps_them(rag_server: Running) -> None:
    with rag_server.client.chat.completions.stream(
        model=f"{rag_server.name}+{WORK}",
        messages=ask(QUESTION),
        response_format=saying(SAID),  # type: ignore[arg-type]
    ) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.annotations
    assert final.choices[0].message.annotations[0].url_citation.title


def test_every_answer_has_its_own(rag_server: Running) -> None:
    reply = asked(rag_server, n=2)
    assert [len(choice.message.annotations) for choice in reply.choices] == [1, 1]
    ends = [chunk for chunk in asked(rag_server, stream=True, n=2) if chunk.choices[0].finish_reason]
    assert [len(end.choices[0].delta.annotations) for end in ends] == [1, 1]
    assert all(end.sources == reply.sources for end in ends)


@pytest.mark.parametrize("streaming", [False, True])
def test_langchain_reads_such_replies(rag_server: Running, streaming: bool) -> None:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    model = ChatOpenAI(
        model=f"{rag_server.name}+{WORK}", base_url=f"{rag_server.url}/v1", api_key=SecretStr("-"), max_retries=0
    ).bind(response_format=saying(SAID))
    plain = ChatOpenAI(
        model=f"{rag_server.name}+{WORK}", base_url=f"{rag_server.url}/v1", api_key=SecretStr("-"), max_tokens=4
    )
    assert list(plain.stream(QUESTION)) if streaming else plain.invoke(QUESTION)
    if streaming:
        assert "".join(str(chunk.content) for chunk in model.stream(QUESTION)) == f'"{SAID}"'
    else:
        assert model.invoke(QUESTION).content == f'"{SAID}"'


def test_responses_carry_them_as_annotations(rag_server: Running) -> None:
    options: Any = {
        "model": f"{rag_server.name}+{WORK}",
        "input": QUESTION,
        "text": {"format": {"type": "json_schema", **saying(SAID)["json_schema"]}},
    }
    reply: Any = rag_server.client.responses.create(**options)
    (part,) = reply.output[0].content
    (one,) = part.annotations
    ResponseOutputText.model_validate(part.model_dump())
    assert (one.type, one.index, one.filename) == ("file_citation", part.text.index("[1]"), one.document)
    assert reply.sources[0]["document_id"] == one.file_id
    assert reply.rag["unknown_citations"] == [42]
    events: list[Any] = list(rag_server.client.responses.create(**options, stream=True))
    kinds = [event.type for event in events]
    added = events[kinds.index("response.output_text.annotation.added")]
    assert kinds.index("response.output_text.annotation.added") < kinds.index("response.output_text.done")
    assert (added.annotation_index, added.annotation.chunk_id) == (0, one.chunk_id)
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output[0].content[0].annotations[0].model_dump() == one.model_dump()
    assert last.response.sources == reply.sources
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_chat_and_responses_give_the_same_ids(rag_server: Running) -> None:
    chat = asked(rag_server)
    response: Any = rag_server.client.responses.create(
        model=rag_server.name, input=QUESTION, max_output_tokens=1, extra_body={"rag": {"collection": WORK}}
    )
    assert [one["chunk_id"] for one in response.sources] == [one["chunk_id"] for one in chat.sources]


def test_without_documents_nothing_is_added(rag_server: Running) -> None:
    reply = rag_server.client.chat.completions.create(model=rag_server.name, messages=ask("Say hello [1]"))
    assert reply.choices[0].message.annotations is None
    assert not hasattr(reply, "sources")


def test_a_message_with_annotations_can_be_sent_back(rag_server: Running) -> None:
    first = asked(rag_server).choices[0].message
    history: Any = [*ask(QUESTION), first.model_dump(exclude_none=True), *ask("그럼 결혼 휴가는요?")]
    reply: Any = rag_server.client.chat.completions.create(
        model=f"{rag_server.name}+{WORK}", messages=history, max_tokens=1
    )
    assert reply.sources


def test_many_ask_at_once(rag_server: Running) -> None:
    questions = [QUESTION, "보온은 얼마나 유지되나요?", "How do I connect the kettle to Wi-Fi?", "재택근무는 며칠?"] * 3

    def sources(question: str) -> list[str]:
        reply: Any = rag_server.client.chat.completions.create(
            model=f"{rag_server.name}+{WORK}", messages=ask(question), max_tokens=1
        )
        return [source["chunk_id"] for source in reply.sources]

    with ThreadPoolExecutor(len(questions)) as pool:
        found = list(pool.map(sources, questions))
    assert found == found[:4] * 3
    assert len({tuple(one) for one in found}) == 4
