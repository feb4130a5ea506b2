"""`mactuner rag synthesize`: questions with their sources from an OpenAI-compatible server, and measuring with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mactuner_core.jobs import wait
from mactuner_core.workspace import open_workspace
from tests.core.cli.conftest import Run
from tests.core.data.synthesis.scripted_server import Answer, Asked, scripted_server

KEY = "sk-0123456789abcdef"
DOCUMENTS = {
    "leave.md": (
        "# 휴가 규정\n\n쓰지 못한 연차는 이듬해 3월 말까지 이월해서 쓸 수 있습니다. 병가는 1년에 10일입니다.\n",
        "남은 휴가를 내년에 써도 되나요?",
        "쓰지 못한 연차는 이듬해 3월 말까지 이월해서 쓸 수 있습니다.",
    ),
    "bikes.md": (
        "# Bicycles\n\nReport a flat tyre at the station terminal, and the ride is refunded.\n",
        "What should I do about a puncture?",
        "Report a flat tyre at the station terminal, and the ride is refunded.",
    ),
    "kettle.md": (
        "# 주전자\n\n하얀 얼룩은 구연산을 넣고 끓여서 없앱니다. 보증 기간은 산 날부터 2년입니다.\n",
        "물때는 어떻게 지우나요?",
        "하얀 얼룩은 구연산을 넣고 끓여서 없앱니다.",
    ),
}


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """Three documents, in the collection `docs`."""
    place = tmp_path / "papers"
    place.mkdir()
    for name, (text, _, _) in DOCUMENTS.items():
        (place / name).write_text(text, encoding="utf-8")
    assert run("rag", "index", place, "-c", "docs", "--json").code == 0
    return place


def good(_: int, asked: Asked) -> Answer:
    """Write the one question about the document that the prompt holds."""
    prompt = asked["messages"][0]["content"]
    question, quote = next((ask, quote) for _, ask, quote in DOCUMENTS.values() if quote in prompt)
    return Answer(json.dumps([{"question": question, "kind": "paraphrase", "quote": quote}]))


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_questions_are_written_gone_on_with_and_measured(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACTUNER_SYNTHESIS_API_KEY", KEY)
    out = tmp_path / "questions"
    with scripted_server(good) as server:
        command = ("rag", "synthesize", "-c", "docs", "--base-url", server.url, "--model", "scripted", "--out", out)
        options = ("--pairs-per-chunk", "1", "--max-tokens", "100")
        first = run(*command, *options, "--count", "1", "--json")
        assert first.code == 0, first.err
        assert (first.json["accepted"], first.json["stopped_by"]) == (1, "count")
        second = run(*command, *options, "--count", "9")
        assert second.code == 0 and "3 of 9 questions" in second.out and "Every chunk was asked" in second.out
        assert len(server.asked) == 3 and set(server.keys) == {KEY}
    written = rows(out / "pairs.jsonl")
    assert {row["document"] for row in written} == {f"papers/{name}" for name in DOCUMENTS}
    assert all(row["synthetic"] and row["source_model"] == "scripted" and row["page"] == 1 for row in written)
    for path in [*out.rglob("*"), *open_workspace().jobs.rglob("*")]:
        assert not path.is_file() or KEY not in path.read_text(encoding="utf-8", errors="replace"), path

    report = run("rag", "evaluate", "-c", "docs", "--questions", out / "pairs.jsonl", "--json").json
    assert report["questions"] == 3 and report["all"]["recall@3"]["mean"] == 1


def test_only_the_documents_named_and_what_is_refused_is_told(run: Run, folder: Path, tmp_path: Path) -> None:
    def made_up(number: int, asked: Asked) -> Answer:
        assert DOCUMENTS["kettle.md"][2] in asked["messages"][0]["content"]
        return Answer(json.dumps([{"question": "보증은 몇 년인가요?", "quote": "거기에 없는 문장을 지어냈습니다."}]))

    with scripted_server(made_up) as server:
        only = ("--document", "papers/kettle.md", "--out", tmp_path / "out")
        done = run("rag", "synthesize", "-c", "docs", "--base-url", server.url, "--model", "m", *only)
        assert done.code == 1 and len(server.asked) == 1
    assert "does not stand in the chunk" in " ".join(done.out.split())


def test_what_is_wrong_is_said_with_its_exit_code(run: Run, folder: Path, tmp_path: Path) -> None:
    address = ("--base-url", "http://127.0.0.1:1/v1", "--model", "m", "--out", tmp_path / "out")
    for arguments, said in (
        (("-c", "docs"), "base_url"),
        (("-c", "nothing", *address), "docs"),
        (("-c", "docs", *address, "--document", "none.md"), "none.md"),
        (("-c", "docs", *address, "--count", "0"), "count"),
        (("-c", "docs", *address[:-1], folder / "leave.md"), "leave.md"),
        (("-c", "docs", "--base-url", "localhost", "--model", "m"), "http://"),
    ):
        outcome = run("rag", "synthesize", *arguments)
        assert outcome.code == 2, arguments
        assert said in outcome.err, arguments
    with scripted_server(lambda *_: Answer("no", status=401)) as server:
        refused = run("rag", "synthesize", "-c", "docs", "--base-url", server.url, "--model", "m", *address[-2:])
        assert refused.code == 1 and "MACTUNER_SYNTHESIS_API_KEY" in refused.err
        assert "goes on from there" in refused.err


def test_detached_it_goes_on_as_a_job(run: Run, folder: Path, tmp_path: Path) -> None:
    with scripted_server(good) as server:
        options = ("--base-url", server.url, "--model", "m", "--out", tmp_path / "out", "--pairs-per-chunk", "1")
        started = run("rag", "synthesize", "-c", "docs", *options, "--count", "2", "--detach", "--json").json
        status = wait(open_workspace().jobs / started["job"])
    assert status.state == "done" and status.result is not None
    assert status.result["accepted"] == 2 == len(rows(tmp_path / "out" / "pairs.jsonl"))
    assert (status.stage, status.done) == ("rag_cli.stage_synthesizing", 2)
