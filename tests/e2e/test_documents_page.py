"""A PDF in a real browser: uploaded, looked at, built, searched, opened as a picture, measured and saved as one file.

With MACTUNER_SCREENSHOTS set to a folder its pictures are taken, light and dark, in both languages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mactuner_core import jobs
from mactuner_core.rag.build import IndexRequest, start_indexing
from mactuner_core.rag.collections import list_collections, open_collection
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.e2e.conftest import FOLDER, WORK_MS, Visit
from tests.e2e.test_app_path import korean_only, metric, press
from tests.e2e.test_pictures import LOOKS, take

DOCUMENTS = SAMPLES / "documents"
pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Speech:
    """What the page says, a document in that language, and a question that it answers."""

    file: str
    question: str
    about: str  # stands in the preview
    heading: str
    build: str
    chunks: str
    search: str
    found: str
    open: str
    tab_measure: str
    questions: str
    measure: str
    recall: str
    grid: str
    compare: str
    tab_documents: str
    save: str


KO = Speech(
    "library_rules_ko.pdf", "책은 며칠 동안 빌릴 수 있나요?", "별빛 공공도서관 이용 규정", "문서 (RAG)", "색인 만들기",
    "청크", "무엇을 찾으시나요?", "찾은 구절", "원문 보기", "측정", "정답 출처를 아는 질문", "측정하기", "재현율@5",
    "여러 설정 비교", "비교하기", "문서 목록", "파일 하나로 저장",
)  # fmt: skip
EN = Speech(
    "bike_share_manual_en.pdf", "What does a damaged bicycle cost?", "bicycle", "Documents (RAG)", "Build",
    "Chunks", "What are you looking for?", "Passages found", "Open the page", "Measure",
    "Questions whose right sources are known", "Measure", "Recall@5", "Compare settings", "Compare", "Documents",
    "Save as one file",
)  # fmt: skip
SPEECH = {"ko": KO, "en": EN}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_pdf_is_built_searched_opened_and_measured(
    visit: Callable[..., Visit], workspace: Workspace, language: str
) -> None:
    speech = SPEECH[language]
    found = visit(f"{language}-XX")
    page = found.open("/Documents")
    expect(page.get_by_role("heading", name=speech.heading, exact=True)).to_be_visible()
    check(found, language)
    page.locator("input[type=file]").first.set_input_files(DOCUMENTS / speech.file)
    expect(page.locator("[class*=preview-text]")).to_contain_text(speech.about, timeout=WORK_MS)
    found.settled()
    check(found, language)
    press(page, speech.build)
    expect(metric(page, speech.chunks)).to_be_visible(timeout=WORK_MS)
    found.settled()  # or what is typed while the rest is drawn is lost
    ask(page, speech)
    found.settled()
    check(found, language)
    open_first(page, speech)
    check(found, language)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    found.settled()
    measured(found, speech)
    check(found, language)
    saved(page, speech)
    (name,) = list_collections(workspace)
    with open_collection(workspace, name) as collection:
        assert [one.name for one in collection.documents()] == [speech.file]
    assert not list((workspace.cache / "uploads").iterdir())
    assert not found.strangers, "the page asked other machines"
    assert not found.errors


def check(found: Visit, language: str) -> None:
    if language == "ko":
        korean_only(found)


def ask(page: Page, speech: Speech) -> None:
    field = page.get_by_role("textbox", name=speech.search)
    field.fill(speech.question)
    field.press("Enter")
    expect(page.get_by_text(speech.found)).to_be_visible(timeout=WORK_MS)


def open_first(page: Page, speech: Speech) -> None:
    """Open the page of the first passage; it is a picture with something marked in yellow."""
    page.locator(".st-key-documents-hit-1-card").get_by_role("button", name=speech.open).click()
    assert marked_points(page) > 1000, "the passage is marked"


def marked_points(page: Page) -> int:
    """Return how many points of the page's picture in the dialog are yellow, once it is there."""
    picture = page.get_by_role("dialog").locator("img").first
    expect(picture).to_be_visible(timeout=WORK_MS)
    page.wait_for_function("[...document.querySelectorAll('[role=dialog] img')].every(one => one.naturalWidth > 600)")
    yellow: int = picture.evaluate(
        """image => {
            const canvas = Object.assign(document.createElement("canvas"), {width: image.naturalWidth, height: image.naturalHeight});
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const points = context.getImageData(0, 0, canvas.width, canvas.height).data;
            let count = 0;
            for (let at = 0; at < points.length; at += 4)
                count += points[at] > 200 && points[at + 1] > 180 && points[at + 2] < 160;
            return count;
        }"""
    )
    return yellow


def measured(found: Visit, speech: Speech) -> None:
    """Measure the search with one question, and compare settings."""
    page = found.page
    page.get_by_role("tab", name=speech.tab_measure, exact=True).click()
    lines = f"question,document\n{speech.question},{speech.file}\n"
    field = page.locator("[class*=st-key-documents-measure-][class*=questions] input[type=file]")
    field.set_input_files({"name": "questions.csv", "mimeType": "text/csv", "buffer": lines.encode()})
    found.settled()
    press(page, speech.measure)
    expect(metric(page, speech.recall)).to_contain_text("1.00", timeout=WORK_MS)
    found.settled()
    page.get_by_text(speech.grid, exact=True).first.click()
    press(page, speech.compare)
    chart = page.locator("[data-testid=stVegaLiteChart]")
    expect(chart).to_be_visible(timeout=WORK_MS)
    found.settled()


def saved(page: Page, speech: Speech) -> None:
    """Save the collection as one file."""
    page.get_by_role("tab", name=speech.tab_documents, exact=True).click()
    with page.expect_download() as download:
        press(page, speech.save)
    assert download.value.suggested_filename.endswith(".collection.zip")
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"


@pytest.mark.skipif(not FOLDER, reason="pictures are taken when MACTUNER_SCREENSHOTS names a folder")
def test_pictures_of_the_documents_page(visit: Callable[..., Visit], workspace: Workspace) -> None:
    files = [
        DOCUMENTS / name for name in ("library_rules_ko.pdf", "bike_share_manual_en.pdf", "company_handbook_ko.md")
    ]
    job = start_indexing(workspace, IndexRequest("handbooks", files, tags=["2026"]))
    assert jobs.wait(workspace.jobs / job).state == "done"
    for language, colours in LOOKS:
        speech = SPEECH[language]
        found = visit(f"{language}-XX", colours, height=1250)
        look = f"{language}-{colours}"
        page = found.open("/Documents?collection=")
        page.locator("input[type=file]").first.set_input_files(DOCUMENTS / speech.file)
        expect(page.locator("[class*=preview-text]")).to_contain_text(speech.about, timeout=WORK_MS)
        take(found, f"documents-preview-{look}")
        page = found.open("/Documents?collection=handbooks")
        ask(page, speech)
        take(found, f"documents-search-{look}")
        open_first(page, speech)
        take(found, f"documents-page-{look}")
        page.keyboard.press("Escape")
        measured(found, speech)
        take(found, f"documents-measure-{look}")
        page.get_by_role("tab", name=speech.tab_documents, exact=True).click()
        take(found, f"documents-list-{look}")
        assert not found.strangers
        assert not found.errors
