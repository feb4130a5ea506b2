"""Lines of scanned pages, read by the Tesseract program where it is installed.

Tesseract's own search for columns loses most lines of Korean pages (four of five characters on the samples that the tests
scan); told that there is one column, it reads them all. So a page that looks Korean, or is read badly, is read both ways,
and what says more with confidence is taken. Asked for Korean and English together, it takes some Korean words for English
ones, so a page that is nearly all Korean is asked for Korean alone. Columns and paragraphs are then found as on any other page.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import median
from typing import Any

from mactuner_core.rag.documents.clean import clean
from mactuner_core.rag.documents.document import Box
from mactuner_core.rag.documents.limits import Limits
from mactuner_core.rag.documents.pdf_blocks import around
from mactuner_core.rag.documents.pdf_lines import Line

_DPI = 300
_WANTED = ("kor", "eng")
_LEAST_CONFIDENCE = 30.0  # of 100; specks and stamps are below
_SURE = 90.0  # on average: the columns were found
_WORD = "5"  # the level of words in Tesseract's table
_COLUMNS, _ONE_COLUMN = "3", "4"  # Tesseract's ways to look at a page (--psm)
_GAP = 1.5  # of the type's size between two words: the next column
_SPACE = 0.35  # of the type's size between two words, where one of them is Korean: less is no space
_LARGE = 1.3  # of the page's usual type: a heading; less is what boxes of words differ by
_MOSTLY = 0.8  # of the letters
_HANGUL = re.compile("[가-힣]")


@dataclass(frozen=True)
class Ocr:
    """The program and the languages it is asked for, as in "kor+eng"."""

    program: str
    languages: str


@dataclass(frozen=True)
class _Word:
    """A word in points on the page, with the line that Tesseract puts it into."""

    text: str
    box: Box
    confidence: float
    line: tuple[str, ...]


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


def read_picture(page: Any, ocr: Ocr, limits: Limits) -> list[Line] | None:
    """Return the lines on the picture of a MuPDF page; None when Tesseract fails or takes too long."""
    width, height = page.rect.width, page.rect.height
    scale = min(_DPI / 72, (4 * limits.picture_pixels / max(1.0, width * height)) ** 0.5)
    picture = page.get_pixmap(matrix=_scaled(scale), alpha=False, colorspace="GRAY").tobytes("png")
    limit_s = limits.ocr_seconds / 2
    try:
        words = _words(picture, ocr, _COLUMNS, scale, limit_s)
    except (OSError, subprocess.SubprocessError):
        return None
    korean = _korean(words)
    if korean or _confidence(words) < _SURE:
        chosen = replace(ocr, languages="kor") if korean > _MOSTLY else ocr
        with contextlib.suppress(OSError, subprocess.SubprocessError):  # the first reading is there
            words = max(words, _words(picture, chosen, _ONE_COLUMN, scale, limit_s), key=_sure_characters)
    return _lines(words)


def _scaled(scale: float) -> Any:
    import pymupdf

    return pymupdf.Matrix(scale, scale)


def _words(picture: bytes, ocr: Ocr, way: str, scale: float, limit_s: float) -> list[_Word]:
    command = [ocr.program, "stdin", "stdout", "-l", ocr.languages, "--psm", way, "tsv"]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(command, input=picture, capture_output=True, timeout=limit_s, check=True, env=environment)
    rows = [line.split("\t") for line in done.stdout.decode("utf-8", errors="replace").splitlines()[1:]]
    return [_word(row, scale) for row in rows if len(row) == 12 and row[0] == _WORD and row[11].strip()]


def _word(row: Sequence[str], scale: float) -> _Word:
    left, top, width, height = (float(value) / scale for value in row[6:10])
    return _Word(row[11].strip(), (left, top, left + width, top + height), float(row[10]), tuple(row[2:5]))


def _confidence(words: Sequence[_Word]) -> float:
    characters = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / max(1, characters)


def _korean(words: Sequence[_Word]) -> float:
    """Return which share of the letters is Korean."""
    letters = [letter for word in words for letter in word.text if letter.isalpha()]
    return sum(1 for letter in letters if _HANGUL.match(letter)) / max(1, len(letters))


def _sure_characters(words: Sequence[_Word]) -> float:
    return sum(word.confidence * len(word.text) for word in words if word.confidence >= 2 * _LEAST_CONFIDENCE)


def _lines(words: Sequence[_Word]) -> list[Line]:
    kept = [word for word in words if word.confidence >= _LEAST_CONFIDENCE]
    usual = median(word.box[3] - word.box[1] for word in kept) if kept else 0.0
    found = []
    for _, line in groupby(kept, key=lambda word: word.line):
        for part in _parts(list(line), _GAP * usual):
            text = clean(_text(part, usual))
            height = median(word.box[3] - word.box[1] for word in part)
            if any(map(str.isalnum, text)):
                found.append(
                    Line(
                        text,
                        around([word.box for word in part]),
                        round(height if height > _LARGE * usual else usual, 1),
                    )
                )
    return found


def _parts(line: Sequence[_Word], gap: float) -> Iterator[list[_Word]]:
    """Yield the words of a line from left to right, parted where another column begins."""
    part: list[_Word] = []
    for word in sorted(line, key=lambda one: one.box[0]):
        if part and word.box[0] - part[-1].box[2] > gap:
            yield part
            part = []
        part.append(word)
    yield part


def _text(words: Sequence[_Word], size: float) -> str:
    """Join the words of a line; Tesseract parts Korean ones at every syllable or two, but only a gap is a space."""
    text = words[0].text if words else ""
    for before, word in pairwise(words):
        near = word.box[0] - before.box[2] < _SPACE * size
        korean = _HANGUL.match(word.text[0]) or _HANGUL.match(before.text[-1])
        text += word.text if near and korean else " " + word.text
    return text
