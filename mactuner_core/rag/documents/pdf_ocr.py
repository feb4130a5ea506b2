"""Text of scanned pages, read by the Tesseract program where it is installed."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mactuner_core.rag.documents.clean import clean
from mactuner_core.rag.documents.document import Block, Box
from mactuner_core.rag.documents.limits import Limits

_DPI = 300
_WANTED = ("kor", "eng")
_LEAST_CONFIDENCE = 30.0  # of 100; specks and stamps are below
_WORD = "5"  # the level of words in Tesseract's table


@dataclass(frozen=True)
class Ocr:
    """The program and the languages it is asked for, as in "kor+eng"."""

    program: str
    languages: str


@functools.cache
def find_ocr() -> Ocr | None:
    """Return Tesseract with Korean and English, or with what it has of these; None when it is not installed."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    try:
        listed = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    there = listed.stdout.split()
    languages = [language for language in _WANTED if language in there]
    return Ocr(program, "+".join(languages)) if languages else None


def read_picture(page: Any, number: int, ocr: Ocr, limits: Limits) -> list[Block] | None:
    """Return the paragraphs on the picture of a MuPDF page; None when Tesseract fails or takes too long."""
    width, height = page.rect.width, page.rect.height
    scale = min(_DPI / 72, (4 * limits.picture_pixels / max(1.0, width * height)) ** 0.5)
    picture = page.get_pixmap(matrix=_scaled(scale), alpha=False, colorspace="GRAY").tobytes("png")
    command = [ocr.program, "stdin", "stdout", "-l", ocr.languages, "-c", "preserve_interword_spaces=1", "tsv"]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(
            command, input=picture, capture_output=True, timeout=limits.ocr_seconds, check=True, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return list(_paragraphs(done.stdout.decode("utf-8", errors="replace"), number, scale))


def _scaled(scale: float) -> Any:
    import pymupdf

    return pymupdf.Matrix(scale, scale)


def _paragraphs(table: str, number: int, scale: float) -> Iterator[Block]:
    rows = [line.split("\t") for line in table.splitlines()[1:]]
    words = [row for row in rows if len(row) == 12 and row[0] == _WORD and float(row[10]) >= _LEAST_CONFIDENCE]
    for _, group in groupby((row for row in words if row[11].strip()), key=lambda row: (row[2], row[3])):
        paragraph = list(group)
        lines = [" ".join(row[11] for row in line) for _, line in groupby(paragraph, key=lambda row: row[4])]
        text = clean(" ".join(lines)).strip()
        if any(map(str.isalnum, text)):
            yield Block("paragraph", text, 0, number, _box(paragraph, scale))


def _box(words: list[list[str]], scale: float) -> Box:
    places = [[float(value) / scale for value in row[6:10]] for row in words]
    left, top = min(place[0] for place in places), min(place[1] for place in places)
    right, bottom = max(place[0] + place[2] for place in places), max(place[1] + place[3] for place in places)
    return (round(left, 1), round(top, 1), round(right, 1), round(bottom, 1))
