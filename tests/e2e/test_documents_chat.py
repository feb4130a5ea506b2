"""A model asked about documents in a real browser: its server started, its answer checked, a source opened.

With MACTUNER_SCREENSHOTS set to a folder its pictures are taken, light and dark, in both languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.rag.build import IndexRequest, start_indexing
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.e2e.conftest import FOLDER, WORK_MS, Visit
from tests.e2e.test_app_path import korean_only, press
from tests.e2e.test_documents_page import marked_points
from tests.e2e.test_pictures import LOOKS, take
from tests.e2e.test_serve_page import exported
from tests.serving.conftest import Taught, taught  # noqa: F401 (a fixture)

FILES = ("library_rules_ko.pdf", "bike_share_manual_en.pdf")
pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Speech:
    """What the page says, and a question about a document in that language."""

    file: str
    question: str
    tab_chat: str
    start: str
    placeholder: str
    checked: str
    sources: str
    open: str


KO = Speech(
    FILES[0], "책은 며칠 동안 빌릴 수 있나요?", "채팅", "이 문서 모음으로 서버 시작", "문서에 대해 물어보세요", "인용한 출처 없음",
    "모델에게 준 구절", "원문 보기",
)  # fmt: skip
EN = Speech(
    FILES[1], "Who pays half of the year ticket?", "Chat", "Start a server with this collection",
    "Ask about your documents", "Cites no source", "Passages the model was given", "Open the page",
)  # fmt: skip
SPEECH = {"ko": KO, "en": EN}


def test_a_model_is_asked_about_documents(
    visit: Callable[..., Visit],
    workspace: Workspace,
    catalog: Catalog,
    taught: Taught,  # noqa: F811
) -> None:
    job = start_indexing(workspace, IndexRequest("handbooks", [SAMPLES / "documents" / name for name in FILES]))
    assert jobs.wait(workspace.jobs / job).state == "done"
    exported(workspace, catalog, taught)
    for place, (language, colours) in enumerate(LOOKS if FOLDER else [("ko", "light"), ("en", "dark")]):
        speech = SPEECH[language]
        found = visit(f"{language}-XX", colours, height=1250)
        found.open("/Documents?collection=handbooks")
        found.page.get_by_role("tab", name=speech.tab_chat, exact=True).click()
        if not place:
            press(found.page, speech.start)
        ask(found, speech)
        open_source(found, speech)
        if FOLDER:
            take(found, f"documents-chat-{language}-{colours}")
        if language == "ko":
            korean_only(found)
        assert not found.strangers
        assert not found.errors


def ask(found: Visit, speech: Speech) -> None:
    """Ask; below the answer of this model stands that it cites nothing."""
    field = found.page.get_by_placeholder(speech.placeholder)
    expect(field).to_be_visible(timeout=WORK_MS)
    found.settled()
    field.fill(speech.question)
    field.press("Enter")
    answer = found.page.locator("[data-testid=stChatMessage]").last
    expect(answer.get_by_text(re.compile(speech.checked))).to_be_visible(timeout=WORK_MS)
    found.settled()


def open_source(found: Visit, speech: Speech) -> None:
    """Open the page of the first source, with its passage marked in yellow, and close it."""
    found.page.get_by_text(speech.sources).click()
    card = found.page.locator("[class*=st-key-documents-answer-1-1-card]")
    expect(card).to_contain_text(speech.file)
    card.get_by_role("button", name=speech.open).click()
    assert marked_points(found.page) > 1000, "the passage is marked"
    found.page.keyboard.press("Escape")
    expect(found.page.get_by_role("dialog")).to_have_count(0)
    found.settled()
