"""`mactuner ask --collection`, as a person types it: the answer, its sources, and what it says when something is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from mactuner_core.chat.ask_documents import DocumentsAnswer
from mactuner_core.chat.server_process import running_servers, start_server, stop_server, wait_for_server
from mactuner_core.cli.ask_documents import as_json, show_sources
from mactuner_core.workspace import Workspace
from tests.commands import mactuner
from tests.rag_samples import sample_collection
from tests.serving.conftest import Running, Taught, ask
from tests.serving.rag.conftest import QUESTION, WORK, saying

SAID = "이사 휴가는 2년에 하루입니다 [1]. 모릅니다 [42]."


def hits_of(sources: list[dict[str, Any]]) -> set[str]:
    return {one["chunk_id"] for source in sources for one in source["chunks"] if one["score"] is not None}


def streamed(server: Running, said: str, **rag: Any) -> DocumentsAnswer:
    """What a real reply of the server becomes."""
    found = DocumentsAnswer()
    reply: Any = server.client.chat.completions.create(
        model=f"{server.name}+{WORK}",
        messages=ask(QUESTION),
        response_format=saying(said),  # type: ignore[call-overload]
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"rag": {"collection": WORK, **rag}},
    )
    assert "".join(found.take(chunk) for chunk in reply) == found.text == f'"{said}"'
    return found


def test_an_answer_with_its_sources_from_a_server_of_its_own_and_from_one_that_runs(
    taught: Taught, workspace: Workspace
) -> None:
    sample_collection(workspace, "work").close()
    found = mactuner("rag", "search", "-c", "work", QUESTION, "--top-k", "2", "--min-score", "0", "--json").json
    wanted = {one["chunk_id"] for one in found["results"]}
    question = ("ask", QUESTION, "--model", taught.gguf, "--collection", "work", "--max-tokens", "8")
    first = mactuner(*question, "--top-k", "2", "--min-score", "0", "--json")
    assert first.code == 0, first.err
    assert first.json["check"]["given"] == len(first.json["sources"])
    assert {"answer", "tokens", "seconds", "sources", "citations", "query"} <= first.json.keys()
    assert (first.json["tokens"] <= 8, first.json["query"]) == (True, QUESTION)
    assert hits_of(first.json["sources"]) | set(first.json["left_out"]) == wanted
    assert running_servers(workspace) == []

    folder = workspace.jobs / start_server(workspace, str(taught.gguf), collection=["all"], n_threads=1)
    try:
        wait_for_server(folder)
        plain = mactuner(*question)
        assert plain.code == 0 and "[1] " in plain.out and "company_handbook_ko.md, page 1" in plain.out
        assert "Cites no source" in plain.out or "The answer is empty" in plain.out  # so small a model may say nothing
        nothing = mactuner(*question, "--min-score", "1", "--method", "dense")
        assert nothing.code == 0 and "No passage reaches" in nothing.out
        assert [server.job_id for server in running_servers(workspace)] == [folder.name]
    finally:
        stop_server(folder)


def test_what_is_wrong_is_said_before_a_server_starts(taught: Taught, workspace: Workspace) -> None:
    sample_collection(workspace, "work").close()
    base = mactuner("models", "add", taught.folder, "--json").json["id"]
    before = list(workspace.jobs.iterdir())
    for arguments, said in (
        (("--model", taught.gguf, "--collection", "nothing"), "Known: work"),
        (("--model", taught.gguf, "--collection", "work", "--top-k", "0"), "top_k"),
        (("--model", taught.gguf, "--top-k", "3"), "--collection NAME"),
        (("--model", "nobody", "--collection", "work"), "“nobody”"),
        (("--model", base, "--collection", "work"), "mactuner export"),
    ):
        outcome = mactuner("ask", QUESTION, *arguments)
        assert outcome.code == 2, arguments
        assert said in outcome.err, arguments
    assert list(workspace.jobs.iterdir()) == before


def test_cited_sources_are_shown_with_their_quotes(rag_server: Running, capsys: pytest.CaptureFixture[str]) -> None:
    found = streamed(rag_server, SAID)
    show_sources(found)
    first, quote, others = capsys.readouterr().out.strip().split("\n")
    source = found.sources[0]
    assert first.startswith(f"[1] {source['document']}, page ")
    assert quote.strip().startswith(f"page {found.citations[0]['page']}: ") and "이사" in quote
    assert others.startswith("Given to the model, but not cited: [2] ")
    told = as_json(found)
    assert told["tokens"] > 0 and told["unknown_citations"] == found.check(QUESTION).unknown == [42]
    assert told["citations"][0]["chunk_id"] in hits_of(told["sources"])


def test_sources_are_named_when_none_is_cited(rag_server: Running, capsys: pytest.CaptureFixture[str]) -> None:
    found = streamed(rag_server, "모릅니다.", top_k=1, window=0)
    show_sources(found)
    assert capsys.readouterr().out.strip().startswith("Given to the model, but not cited: [1] ")
    assert not found.check(QUESTION).cited


def test_a_sentence_of_the_source_passes_the_check(rag_server: Running) -> None:
    source = streamed(rag_server, "모릅니다.", top_k=1, window=0).sources[0]["text"]
    sentence = next(line for line in source.splitlines() if "휴가" in line and '"' not in line)[:60]
    check = streamed(rag_server, f"{sentence} [1]", top_k=1, window=0).check(QUESTION)
    assert check.passed and [quote.source for quote in check.quotes] == [1]
