"""`mactuner rag evaluate --model`: questions of a file are asked of a real server and its answers checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mactuner_core.chat.server_process import running_servers, start_server, stop_server, wait_for_server
from mactuner_core.cli.rag_answers import show_answers, try_model
from mactuner_core.workspace import Workspace
from tests.commands import mactuner
from tests.rag_samples import HANDBOOK, sample_collection
from tests.serving.conftest import Taught
from tests.serving.rag.conftest import QUESTION

LONG = "휴가는 며칠인가요? " * 600  # more than the model's window holds


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Three questions, of which the server refuses the second."""
    file = tmp_path / "questions.csv"
    lines = [f"{question},{HANDBOOK}" for question in (QUESTION, LONG, "연차는 며칠인가요?")]
    file.write_text("\n".join(["question,document", *lines]), encoding="utf-8")
    return file


@pytest.fixture
def server(workspace: Workspace, taught: Taught) -> Iterator[str]:
    """The id of a running server that answers from every collection, with short answers."""
    sample_collection(workspace, "work").close()
    folder = workspace.jobs / start_server(workspace, str(taught.gguf), collection=["all"], n_threads=1, max_tokens=16)
    try:
        wait_for_server(folder)
        yield folder.name
    finally:
        stop_server(folder)


def test_answers_are_checked_beside_the_search_and_a_refused_question_loses_no_other(
    taught: Taught, workspace: Workspace, server: str, questions: Path
) -> None:
    asked = ("rag", "evaluate", "-c", "work", "--questions", questions, "--model", taught.gguf)
    found = mactuner(*asked, "--json")
    assert found.code == 0, found.err
    assert found.json["questions"] == 3 and found.json["all"]["recall@5"]["mean"] >= 0
    answers = found.json["answers"]
    assert (answers["model"], answers["asked"], answers["failed"]) == (str(taught.gguf), 3, 1)
    assert answers["shares"]["passed"]["of"] == 2
    first, refused, last = answers["results"]
    assert first["check"]["given"] and last["check"]
    assert refused["error"]["code"] == "chat.refused" and refused["check"] is None
    told = mactuner(*asked, "--answers", "2")
    assert told.code == 0 and "(1 of 2 questions)" in told.out
    assert "recall@5" in told.out and "Pass all checks" in told.out and "No answer: " in told.out
    assert [one.job_id for one in running_servers(workspace)] == [server]
    only_refused = questions.with_name("one.csv")
    only_refused.write_text(f"question,document\n{LONG},{HANDBOOK}\n", encoding="utf-8")
    assert mactuner("rag", "evaluate", "-c", "work", "--questions", only_refused, "--model", taught.gguf).code == 1


def test_what_was_answered_is_shown_after_it_was_stopped(
    taught: Taught, workspace: Workspace, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stopped(list[str]):
        def __iter__(self) -> Iterator[str]:
            yield QUESTION
            raise KeyboardInterrupt

    tried = try_model(workspace, str(taught.gguf), "work", Stopped(["", ""]), {}, allow_unverified=False)
    assert [one.question for one in tried] == [QUESTION]
    show_answers("taught", tried)
    assert "Answers of taught (1 of 1 questions)" in capsys.readouterr().out


def test_what_is_wrong_is_said_before_anything_is_measured(
    taught: Taught, workspace: Workspace, questions: Path
) -> None:
    sample_collection(workspace, "work").close()
    asked = ("rag", "evaluate", "-c", "work", "--questions", questions)
    for arguments, said in (
        (("--model", "nobody"), "“nobody”"),
        (("--answers", "3"), "--model EXPORT"),
        (("--model", taught.gguf, "--grid", "k=3"), "--grid cannot be combined"),
        (("--model", taught.gguf, "--answers", "0"), "--answers"),
    ):
        outcome = mactuner(*asked, *arguments)
        assert outcome.code == 2, arguments
        assert said in outcome.err, arguments
    assert running_servers(workspace) == []
