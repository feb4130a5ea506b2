"""Scanned pages are found and said; where Tesseract is installed their text is read."""

from __future__ import annotations

import shutil
from difflib import SequenceMatcher
from pathlib import Path

import pymupdf
import pytest

from mactuner_core.rag.documents import page_picture, read_document
from mactuner_core.rag.documents.process import end_idle

from .make_pdf import Maker

DOCUMENTS = Path(__file__).parents[4] / "samples" / "documents"
HAS_TESSERACT = shutil.which("tesseract") is not None


def _scan(path: Path) -> Path:
    """Write a PDF whose first page is a picture of a page and whose second has text."""
    paper = Maker().new_page()
    paper.write(60, 100, "The meeting is on Thursday at noon.", 16)
    paper.write(60, 150, "회의는 목요일 정오에 열립니다.", 16)
    maker = Maker().new_page()
    maker.page.insert_image(maker.page.rect, pixmap=paper.page.get_pixmap(dpi=200))
    maker.new_page().write(60, 100, "This page has text of its own.")
    return maker.save(path)


def _scan_of(file: Path, number: int, path: Path) -> Path:
    """Write one page of another PDF as a picture, as a scanner would."""
    maker = Maker().new_page()
    with pymupdf.open(file) as pdf:
        picture = pdf[number - 1].get_pixmap(dpi=200, colorspace="GRAY").tobytes("jpg")
    maker.page.insert_image(maker.page.rect, stream=picture)
    return maker.save(path)


@pytest.fixture
def no_tesseract(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    end_idle()  # a process that waits has the old PATH
    monkeypatch.setenv("PATH", str(tmp_path))


def test_without_tesseract_scanned_pages_are_named_with_the_remedy(tmp_path: Path, no_tesseract: None) -> None:
    document = read_document(_scan(tmp_path / "scan.pdf"))
    end_idle()
    assert [(page.scanned, page.ocr, bool(page.text)) for page in document.pages] == [
        (True, False, False),
        (False, False, True),
    ]
    (warning,) = document.warnings
    assert (warning.code, warning.values) == ("rag_documents.scanned_no_program", {"pages": "1", "count": 1})
    assert "tesseract-ocr-kor" in warning.text("en") and "tesseract-ocr-kor" in warning.text("ko")


def test_reading_off_pictures_can_be_turned_off(tmp_path: Path) -> None:
    document = read_document(_scan(tmp_path / "scan.pdf"), ocr=False)
    assert [warning.code for warning in document.warnings] == ["rag_documents.scanned_off"]


@pytest.mark.skipif(not HAS_TESSERACT, reason="Tesseract is not installed")
def test_with_tesseract_the_text_is_read_with_its_place(tmp_path: Path) -> None:
    path = _scan(tmp_path / "scan.pdf")
    document = read_document(path)
    page = document.pages[0]
    assert page.scanned and page.ocr
    assert "meeting is on Thursday" in page.text
    assert document.warnings[0].code == "rag_documents.scanned_read"
    box = page.blocks[0].box
    assert box is not None and box[:2] == pytest.approx((60, 85), abs=8)
    assert page_picture(path, 1, [box]) != page_picture(path, 1)  # marked by the box, as the page has no words


def test_a_page_with_a_logo_is_not_scanned(tmp_path: Path) -> None:
    maker = Maker().new_page().write(60, 200, "Short.")
    maker.page.insert_image(pymupdf.Rect(60, 40, 160, 90), pixmap=maker.page.get_pixmap(dpi=20))
    document = read_document(maker.save(tmp_path / "logo.pdf"))
    assert not document.pages[0].scanned and document.warnings == []


@pytest.mark.skipif(not HAS_TESSERACT, reason="Tesseract is not installed")
@pytest.mark.parametrize(("sample", "page"), [("lease_guide_ko.pdf", 2), ("bike_share_manual_en.pdf", 1)])
def test_a_scanned_page_has_the_words_of_the_page_in_its_order(tmp_path: Path, sample: str, page: int) -> None:
    file = DOCUMENTS / sample
    (scanned,) = read_document(_scan_of(file, page, tmp_path / sample)).pages
    text = read_document(file).pages[page - 1].text
    assert SequenceMatcher(None, text, scanned.text, autojunk=False).ratio() > 0.95
    tables = [block for block in scanned.blocks if block.kind == "table"]
    assert len(tables) == text.count("|---|---|---|")  # the one of the Korean page is a table here too
