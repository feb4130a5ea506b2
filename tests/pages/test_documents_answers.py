"""The Documents page: answers of a real server are checked, for a file of questions and in the chat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mactuner_core.chat.server_process import start_server, stop_server, wait_for_server
from mactuner_core.workspace import Workspace
from tests.pages.conftest import Open, by_key, press, words
from tests.pages.test_documents_measure import QUESTIONS, asked
from tests.pages.test_documents_page import BIKES, DOCUMENTS, LEAVE, QUESTION, built
from tests.serving.conftest import Taught, taught  # noqa: F401 (a fixture)

ASK = "질문하고 검사하기"
LONG = f"{'휴가 ' * 2500}?,휴가.md,\n"  # more than the model's window holds


@pytest.fixture
def server(workspace: Workspace, taught: Taught) -> Iterator[Path]:  # noqa: F811
    """The folder of a running server that answers from the collection of the page."""
    built(workspace, ("휴가.md", LEAVE), ("bikes.txt", BIKES))
    more = {"n_threads": 1, "n_ctx": 4096, "max_tokens": 16}
    folder = workspace.jobs / start_server(workspace, str(taught.gguf), collection=["규정"], **more)
    wait_for_server(folder)
    yield folder
    stop_server(folder)


def test_without_a_server_the_page_says_how_to_get_one(workspace: Workspace, open_page: Open) -> None:
    built(workspace, ("휴가.md", LEAVE))
    app = open_page(DOCUMENTS)
    assert "**채팅** 탭에서 서버를 시작하면" in words(app)
    assert not [button for button in app.button if button.label == ASK]


def test_questions_are_asked_and_what_is_wrong_with_an_answer_is_said(
    workspace: Workspace, open_page: Open, server: Path
) -> None:
    app = open_page(DOCUMENTS)
    assert next(button for button in app.button if button.label == ASK).disabled
    app = press(asked(app, QUESTIONS + LONG), ASK)
    assert not app.exception
    assert "답변을 받지 못한 질문 1개" in words(app)
    table = app.table[-1].value
    shares = dict(zip(table["지표"], table["답변 비율"], strict=True))
    assert shares["모든 검사 통과"].endswith("/2)")
    assert "통과하지 못한 답변" in words(app) and QUESTION in words(app)
    assert "인용한 출처 없음" in words(app)
    by_key(app.number_input, "documents-measure-규정-answers-count").set_value(1).run()
    assert "답변을 받지 못한 질문 1개" in words(app), "the result stays"
    press(app, ASK)
    assert "답변을 받지 못한 질문" not in words(app)
    stop_server(server)
    app.run()
    assert "인용한 출처 없음" in words(app), "the result stays when the server is gone"
    assert not app.exception


def test_an_answer_in_the_chat_has_its_check_below(workspace: Workspace, open_page: Open, server: Path) -> None:
    app = open_page(DOCUMENTS, "en")
    app.chat_input[0].set_value(QUESTION).run()
    assert not app.exception
    (line,) = (one.value for one in app.caption if "Cites no source" in one.value)
    assert line.startswith(":material/info:")
