"""A model asked about documents in a real browser: its server started, its answer cited and checked, the source opened.

The model is a small one that was taught to answer these questions with the number of a source. With MACTUNER_SCREENSHOTS set
to a folder its pictures are taken, light and dark, in both languages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.export.convert import merge_and_convert
from mactuner_core.export.merge import Source
from mactuner_core.rag.build import IndexRequest, start_indexing
from mactuner_core.rag.collections import open_collection
from mactuner_core.workspace import Workspace
from tests.citing_model import citing_model
from tests.conftest import SAMPLES
from tests.e2e.conftest import FOLDER, WORK_MS, Visit
from tests.e2e.test_app_path import korean_only, press
from tests.e2e.test_documents_page import marked_points
from tests.e2e.test_pictures import LOOKS, take
from tests.e2e.test_serve_page import exported
from tests.serving.conftest import Taught

FILES = ("library_rules_ko.pdf", "bike_share_manual_en.pdf")
SMALL = {"chunk_tokens": 128}  # all that is found fits before the model, as it did when it was taught
pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Speech:
    """What the page says, and a question about a document in that language."""

    file: str
    question: str
    answer: str
    tab_chat: str
    start: str
    placeholder: str
    checked: str
    open: str
    tab_measure: str
    answers: str
    answers_start: str
    passed: str


KO = Speech(
    FILES[0], "책은 며칠 동안 빌릴 수 있나요?", "한 번에 7권까지 “14일 동안 빌릴 수 있다” [1].", "채팅", "이 문서 모음으로 서버 시작",
    "문서에 대해 물어보세요", "출처 1개 인용 · 인용문 1개 확인", "원문 보기", "측정", "답변 검사", "질문하고 검사하기", "모든 검사 통과",
)  # fmt: skip
EN = Speech(
    FILES[1], "Who pays half of the year ticket?", "“Students and people over 65” do [1].", "Chat",
    "Start a server with this collection", "Ask about your documents", "Sources cited: 1 · quotes found in them: 1",
    "Open the page", "Measure", "Check the answers", "Ask and check", "Pass all checks",
)  # fmt: skip
SPEECH = {"ko": KO, "en": EN}


def test_a_model_is_asked_about_documents(
    visit: Callable[..., Visit], workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    job = start_indexing(workspace, IndexRequest("handbooks", [SAMPLES / "documents" / name for name in FILES], SMALL))
    assert jobs.wait(workspace.jobs / job).state == "done"
    exported(workspace, catalog, taught_to_cite(workspace, tmp_path))
    for place, (language, colours) in enumerate(LOOKS if FOLDER else [("ko", "light"), ("en", "dark")]):
        speech = SPEECH[language]
        found = visit(f"{language}-XX", colours, height=1250)
        found.open("/Documents?collection=handbooks")
        found.page.get_by_role("tab", name=speech.tab_chat, exact=True).click()
        if not place:
            press(found.page, speech.start)
        ask(found, speech)
        if FOLDER:
            take(found, f"documents-chat-{language}-{colours}")
        open_source(found, speech)
        check_answers(found, speech)
        if FOLDER:
            take(found, f"documents-answers-{language}-{colours}")
        if language == "ko":
            korean_only(found)
        assert not found.strangers
        assert not found.errors


def taught_to_cite(workspace: Workspace, folder: Path) -> Taught:
    """Return a model that answers the questions of this file with the number of a source."""
    answers = {one.question: one.answer for one in SPEECH.values()}
    with open_collection(workspace, "handbooks") as collection:
        model = citing_model(folder / "citing", collection, answers)
    gguf = folder / "citing-F16.gguf"
    merge_and_convert(Source(model), gguf, scratch=folder / "scratch", name="citing")
    return Taught(model, gguf, answers)


def ask(found: Visit, speech: Speech) -> None:
    """Ask; below the answer stands what was found in it."""
    field = found.page.get_by_placeholder(speech.placeholder)
    expect(field).to_be_visible(timeout=WORK_MS)
    found.settled()
    field.fill(speech.question)
    field.press("Enter")
    answer = found.page.locator("[data-testid=stChatMessage]").last
    expect(answer.get_by_text(speech.checked)).to_be_visible(timeout=WORK_MS)
    expect(answer).to_contain_text(speech.answer)
    found.settled()


def open_source(found: Visit, speech: Speech) -> None:
    """Open the page of the source that is cited, with its passage marked in yellow, and close it."""
    card = found.page.locator("[class*=st-key-documents-answer-1-1-card]")
    expect(card).to_contain_text(speech.file)
    card.get_by_role("button", name=speech.open).click()
    assert marked_points(found.page) > 1000, "the passage is marked"
    found.page.keyboard.press("Escape")
    expect(found.page.get_by_role("dialog")).to_have_count(0)
    found.settled()


def check_answers(found: Visit, speech: Speech) -> None:
    """Have the model asked the question of a file: its answer passes."""
    found.page.get_by_role("tab", name=speech.tab_measure, exact=True).click()
    content = f"question,document,page\n{speech.question},{speech.file},1\n".encode()
    area = found.page.get_by_role("tabpanel", name=speech.tab_measure)
    area.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(
        {"name": "questions.csv", "mimeType": "text/csv", "buffer": content}
    )
    found.settled()
    area.get_by_text(speech.answers, exact=True).first.click()
    area.get_by_role("button", name=speech.answers_start, exact=True).click()
    row = area.get_by_role("row").filter(has_text=speech.passed)
    expect(row).to_contain_text("100% (1/1)", timeout=WORK_MS)
    found.settled()
