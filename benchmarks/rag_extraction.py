"""Pages a second that the reader of documents takes in, beside PyMuPDF's plain text and pypdf's, on the same generated PDF.

The others return the letters of a page. Ours finds headings, columns, tables and repeating lines in them as well, in a process
of its own that answers in JSON; the time is what a caller waits for, with that process running already.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rag_made import Texts, korean_sentence
from mactuner_core.rag.documents import read_document

_LINES, _STEP = 44, 13  # of a column
_TOP, _LEFT, _COLUMN = 110.0, 50.0, 255.0


def extraction(quick: bool, threads: int) -> dict[str, Any]:
    """Return pages a second of each reader, the median of rounds in which they take turns, and ours as a share of each."""
    pages, rounds = (20, 2) if quick else (100, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.pdf"
        _write_pdf(path, pages)
        readers = {"ours": _ours, "PyMuPDF get_text": _pymupdf}
        if importlib.util.find_spec("pypdf"):
            readers["pypdf extract_text"] = _pypdf
        else:
            print("pypdf is not measured: pip install -r benchmarks/requirements-rag.txt", file=sys.stderr)
        speeds: dict[str, list[float]] = {name: [] for name in readers}
        found = _ours(path)
        for _ in range(rounds):
            for name, reader in readers.items():
                began = time.perf_counter()
                reader(path)
                speeds[name].append(pages / (time.perf_counter() - began))
        blocks = [block.kind for block in found.blocks]
        size = path.stat().st_size
    speed = {name: round(statistics.median(values), 1) for name, values in speeds.items()}
    return {
        "pages": pages,
        "megabytes": round(size / 1e6, 2),
        "pages_per_second": speed,
        "share_of": {name: round(speed["ours"] / speed[name], 3) for name in readers if name != "ours"},
        "found": {kind: blocks.count(kind) for kind in ("heading", "paragraph", "table")},
    }


def _write_pdf(path: Path, pages: int) -> None:
    """Write pages with a repeating header and footer, a heading, two columns of text, and a ruled table; every second one Korean."""
    import pymupdf

    pick, texts = random.Random(5), Texts(own=7)
    with contextlib.closing(pymupdf.open()) as pdf:
        for number in range(pages):
            page: Any = pdf.new_page(width=595, height=842)
            korean = number % 2 == 1
            words = texts.some(number * 1000, 2 * _LINES)
            lines = [korean_sentence(pick, 5) for _ in words] if korean else words
            font = "korea" if korean else "helv"
            page.insert_text((_LEFT, 40), "Handbook of made-up things", fontsize=8)
            page.insert_text((280, 820), f"page {number + 1}", fontsize=8)
            page.insert_text((_LEFT, 80), f"{number + 1}. {lines[0][:40]}", fontsize=18, fontname=font)
            for at, line in enumerate(lines):
                column, row = divmod(at, _LINES)
                place = (_LEFT + column * _COLUMN, _TOP + row * _STEP)
                page.insert_text(place, line[:46], fontsize=9, fontname=font)
            _table(page, [[str(pick.randrange(10_000)) for _ in range(4)] for _ in range(4)])
        pdf.save(path, deflate=True)


def _table(page: Any, rows: list[list[str]]) -> None:
    for down, row in enumerate([["item", "price", "weight", "stock"], *rows]):
        for across, text in enumerate(row):
            left, top = _LEFT + 120 * across, 700 + 20 * down
            page.draw_rect((left, top, left + 120, top + 20), width=0.7)
            page.insert_text((left + 4, top + 14), text, fontsize=9)


def _ours(path: Path) -> Any:
    return read_document(path, ocr=False)


def _pymupdf(path: Path) -> int:
    import pymupdf

    with contextlib.closing(pymupdf.open(path)) as pdf:
        return sum(len(page.get_text()) for page in pdf)


def _pypdf(path: Path) -> int:
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    return sum(len(page.extract_text()) for page in pypdf.PdfReader(path).pages)
