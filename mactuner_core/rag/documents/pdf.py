"""PDF with MuPDF: every page is read once for its lines and tables; then the whole document tells what is body and what repeats.

Scripts, forms' actions, attachments and links inside the file are never run or followed. Run this in the reading process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.rag.documents.clean import clean
from mactuner_core.rag.documents.document import Block, DocumentWarning, Page, make_page
from mactuner_core.rag.documents.joining import Joiner
from mactuner_core.rag.documents.limits import Limits
from mactuner_core.rag.documents.pdf_blocks import body_size, with_levels
from mactuner_core.rag.documents.pdf_flow import page_blocks, sentences_over_pages
from mactuner_core.rag.documents.pdf_lines import Line, page_lines
from mactuner_core.rag.documents.pdf_ocr import Ocr, find_ocr, read_picture
from mactuner_core.rag.documents.pdf_repeats import without_repeats
from mactuner_core.rag.documents.pdf_tables import Table, inside, ruled_tables

_FEW_CHARACTERS = 25  # on a page that a picture covers: it was scanned, perhaps with a stamp or a page number
_COVERED = 0.6  # of the page by its pictures
_NO_TITLE = re.compile(
    r"^(?:microsoft \w+ -|untitled|제목 ?없음|document\d*$|문서 ?\d*$)|\.(?:docx?|hwpx?|pdf|indd|pptx?|xlsx?)$", re.I
)
_UNKNOWN = re.compile("[\ufffd\ue000-\uf8ff]")
_UNREADABLE = 0.1  # of a page's characters have no meaning the file tells of

Progress = Callable[[int, int], None]


@dataclass
class _Raw:
    """What the first pass found on a page."""

    number: int
    height: float = 0.0
    lines: list[Line] | None = None  # None: could not be read
    tables: Sequence[Table] = ()
    scanned: bool = False
    ocr: bool = False  # the lines were read off the picture


def open_pdf(path: Path, name: str, limits: Limits) -> Any:
    """Return the open MuPDF document; raises InputError when it is broken, locked, empty or claims too many pages."""
    import pymupdf

    try:
        pdf = pymupdf.open(str(path), filetype="pdf")
    except (RuntimeError, ValueError, pymupdf.FileDataError, pymupdf.EmptyFileError) as problem:
        raise InputError("rag_documents.pdf_broken", name=name, reason=_reason(problem)) from problem
    if pdf.needs_pass:
        raise InputError("rag_documents.pdf_locked", name=name)
    try:
        pages = pdf.page_count
    except RuntimeError as problem:
        raise InputError("rag_documents.pdf_broken", name=name, reason=_reason(problem)) from problem
    if pages < 1:
        raise InputError("rag_documents.pdf_no_pages", name=name)
    if pages > limits.pages:
        raise InputError("rag_documents.pdf_many_pages", name=name, pages=pages, limit=limits.pages)
    return pdf


def read_pdf(
    path: Path, name: str, ocr: bool, limits: Limits, progress: Progress
) -> tuple[str, list[Page], list[DocumentWarning]]:
    """Return title, pages and warnings of a PDF; raises InputError as `open_pdf` does, or when no page has any text."""
    with open_pdf(path, name, limits) as pdf:
        repaired = bool(pdf.is_repaired)
        title = _title(pdf)
        reader = find_ocr() if ocr else None
        raws = []
        for number in range(1, pdf.page_count + 1):
            raws.append(_first_pass(pdf, number, reader, limits))
            progress(number, pdf.page_count)
    unread = [raw.number for raw in raws if raw.lines is None]
    if len(unread) == len(raws):
        raise InputError("rag_documents.pdf_no_page_readable", name=name, pages=len(raws))
    pages = _second_pass(raws, progress)
    if not any(page.text or page.scanned for page in pages):
        raise InputError("rag_documents.pdf_nothing_saved" if repaired else "rag_documents.no_text", name=name)
    return title, pages, _warnings(raws, unread, repaired, ocr, reader)


def _title(pdf: Any) -> str:
    title = clean(str((pdf.metadata or {}).get("title") or "")).strip()
    return "" if _NO_TITLE.search(title) else title


def _first_pass(pdf: Any, number: int, reader: Ocr | None, limits: Limits) -> _Raw:
    raw = _Raw(number)
    try:
        page = pdf[number - 1]
        lines = page_lines(page)
        raw.height = page.rect.height
        raw.scanned = sum(len(line.text) for line in lines) < _FEW_CHARACTERS and _is_picture(page)
        seen = read_picture(page, reader, limits) if raw.scanned and reader is not None else None
        raw.ocr = seen is not None
        raw.tables = ruled_tables(page) if lines else []
        lines = lines if seen is None else seen
        raw.lines = [line for line in lines if not inside(line, raw.tables)]
    except (RuntimeError, ValueError, IndexError, ReferenceError, AssertionError, OverflowError, TypeError):
        raw.lines = None  # MuPDF's bindings raise all of these on damaged pages
    return raw


def _is_picture(page: Any) -> bool:
    boxes = [picture["bbox"] for picture in page.get_image_info()]  # scanners may cut a page into strips
    area = abs(page.rect.width * page.rect.height) or 1.0
    return bool(sum((right - left) * (bottom - top) for left, top, right, bottom in boxes) >= _COVERED * area)


def _second_pass(raws: list[_Raw], progress: Progress) -> list[Page]:
    read = [raw for raw in raws if raw.lines is not None]
    lines = [raw.lines or [] for raw in read]
    body = body_size(lines)
    bold = sum(len(line.text) for page in lines for line in page if line.bold and line.size == body)
    bold_body = bold > 0.5 * sum(len(line.text) for page in lines for line in page if line.size == body)
    joiner = Joiner(lines)
    kept = without_repeats(lines, [raw.height for raw in read], body)
    found: list[tuple[list[Block], bool]] = []
    for raw, page in zip(read, kept, strict=True):
        progress(len(raws), len(raws))
        size = body_size([page]) if raw.ocr else body  # what is measured on a picture compares with that picture only
        found.append(page_blocks(raw.number, page, raw.tables, size, bold_body, joiner))
    by_page: dict[int, list[Block]] = {}
    for block in with_levels(sentences_over_pages(found, joiner)):
        by_page.setdefault(block.page, []).append(block)
    return [make_page(raw.number, by_page.get(raw.number, []), scanned=raw.scanned, ocr=raw.ocr) for raw in raws]


def _warnings(
    raws: list[_Raw], unread: list[int], repaired: bool, ocr: bool, reader: Ocr | None
) -> list[DocumentWarning]:
    warnings = []
    if repaired:
        warnings.append(DocumentWarning("rag_documents.repaired"))
    if unread:
        warnings.append(
            DocumentWarning("rag_documents.pages_unread", {"pages": page_ranges(unread), "count": len(unread)})
        )
    scanned = [raw.number for raw in raws if raw.scanned]
    if scanned:
        values = {"pages": page_ranges(scanned), "count": len(scanned)}
        code = "scanned_off" if not ocr else "scanned_no_program" if reader is None else "scanned_read"
        if reader is not None:
            values["languages"] = reader.languages
        warnings.append(DocumentWarning(f"rag_documents.{code}", values))
        if reader is not None and "kor" not in reader.languages:
            warnings.append(DocumentWarning("rag_documents.ocr_no_korean", {"languages": reader.languages}))
        failed = [raw.number for raw in raws if raw.scanned and not raw.ocr and raw.lines is not None]
        if reader is not None and failed:
            warnings.append(
                DocumentWarning("rag_documents.ocr_failed", {"pages": page_ranges(failed), "count": len(failed)})
            )
    odd = [raw.number for raw in raws if raw.lines and _is_unreadable(raw.lines)]
    if odd:
        warnings.append(
            DocumentWarning("rag_documents.unknown_letters", {"pages": page_ranges(odd), "count": len(odd)})
        )
    return warnings


def _is_unreadable(lines: list[Line]) -> bool:
    text = "".join(line.text for line in lines)
    return len(_UNKNOWN.findall(text)) > _UNREADABLE * len(text)


def page_ranges(numbers: Sequence[int]) -> str:
    """Return page numbers in short, like "1–3, 7"; of many ranges the first ten."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in ranges[:10]]
    return ", ".join(shown) + (" …" if len(ranges) > 10 else "")


def _reason(problem: Exception) -> str:
    return " ".join(str(problem).split())[:200]
