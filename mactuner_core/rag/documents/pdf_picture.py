"""A page of a PDF as a picture, with passages marked. Run this in the reading process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.rag.documents.clean import clean
from mactuner_core.rag.documents.document import Box
from mactuner_core.rag.documents.limits import Limits
from mactuner_core.rag.documents.pdf import open_pdf
from mactuner_core.rag.documents.pdf_lines import page_lines

_DPI = 130
_YELLOW = (1.0, 0.92, 0.45)
_NOT_LETTERS = re.compile(r"[^\w]+|_")
_LEAST_LETTERS = 4  # of a passage, for a part of it to be looked for
_PART = 24  # letters that must agree where the passage as a whole is not on the page


def picture(path: Path, name: str, number: int, marked: Sequence[str | Box], limits: Limits) -> bytes:
    """Return page `number` (from 1) as PNG. `marked` are passages as read from the document, or boxes in points.

    Raises InputError when the PDF cannot be opened, has no such page, or the page cannot be drawn.
    """
    with open_pdf(path, name, limits) as pdf:
        if not 1 <= number <= pdf.page_count:
            raise InputError("rag_documents.no_page", name=name, page=number, pages=pdf.page_count)
        try:
            page = pdf[number - 1]
            page_lines(page)  # turns it as reading did
            boxes: list[Box] = []
            words: list[tuple[str, Box]] = [(clean(word[4]), word[:4]) for word in page.get_text("words")]
            for one in marked:
                boxes += _places(one, words) if isinstance(one, str) else [one]
            _mark(page, boxes)
            return _png(page, limits)
        except (RuntimeError, ValueError, AssertionError, TypeError) as problem:
            raise InputError("rag_documents.page_not_drawn", name=name, page=number, reason=problem) from problem


def _png(page: Any, limits: Limits) -> bytes:
    import pymupdf

    area = max(1.0, abs(page.rect.width * page.rect.height))
    scale = min(_DPI / 72, (limits.picture_pixels / area) ** 0.5)
    data: bytes = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), alpha=False).tobytes("png")
    return data


def _mark(page: Any, boxes: Sequence[Box]) -> None:
    if boxes:  # as a marker pen does: what is under it, text or picture, shows through
        marker = page.add_highlight_annot([(left - 1, top, right + 1, bottom) for left, top, right, bottom in boxes])
        marker.set_colors(stroke=_YELLOW)
        marker.update()


def _places(passage: str, words: Sequence[tuple[str, Box]]) -> list[Box]:
    """Return a box for each line of the passage on the page.

    Only letters and digits are compared: line ends, hyphens, table bars and columns in between do not matter.
    """
    letters: list[int] = []
    parts: list[str] = []
    for place, (word, _) in enumerate(words):
        bare = _bare(word)
        parts.append(bare)
        letters += [place] * len(bare)
    page, wanted = "".join(parts), _bare(passage)
    if len(wanted) < _LEAST_LETTERS or not page:
        return []
    found: set[int] = set()
    start = page.find(wanted)
    if start >= 0:
        found.update(letters[start : start + len(wanted)])
    else:  # a table read by cells, a paragraph that goes on in another column or on another page
        for piece in _pieces(passage):
            start = page.find(piece)
            if start >= 0:
                found.update(letters[start : start + len(piece)])
    return _lines([words[place][1] for place in sorted(found)])


def _pieces(passage: str) -> list[str]:
    pieces = []
    for part in re.split(r"\n|\||(?<=[.!?。])\s", passage):
        bare = _bare(part)
        if _LEAST_LETTERS <= len(bare) <= 2 * _PART:
            pieces.append(bare)
        else:
            pieces += [bare[start : start + _PART] for start in range(0, len(bare) - _PART + 1, _PART)]
            if len(bare) > _PART:
                pieces.append(bare[-_PART:])
    return pieces


def _bare(text: str) -> str:
    return _NOT_LETTERS.sub("", text).lower()


def _lines(boxes: Sequence[Box]) -> list[Box]:
    lines: list[Box] = []
    for box in boxes:
        last = lines[-1] if lines else None
        beside = last is not None and abs(box[1] - last[1]) < (box[3] - box[1]) / 2
        if last is not None and beside and -1 < box[0] - last[2] < 2 * (box[3] - box[1]):
            lines[-1] = (last[0], min(last[1], box[1]), box[2], max(last[3], box[3]))
        else:
            lines.append(box)
    return lines
