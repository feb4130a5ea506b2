"""Running headers, footers and page numbers: what stands at the same place of several pages, near an edge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from mactuner_core.rag.documents.pdf_lines import Line
from mactuner_core.rag.documents.pdf_order import same_row

_BAND = 0.12  # of the page's height, at the top and at the bottom
_SAME_PLACE = 6.0  # points
_LEAST_PAGES = 3
_SMALL_DOCUMENT = 3  # pages; up to here a line must stand on every page, and on two at least
_LARGE_TYPE = 1.15  # of the body: "Chapter 1", "Chapter 2" at the top of pages are headings
_NUMBER = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|p\.?|pp\.?|쪽|페이지|면)?\s*(?:\d{1,5}|[ivxlc]{1,7})\s*(?:(?:/|of|중|-|–|\|)\s*\d{1,5}\s*)?(?:쪽|페이지|면)?\W*",
    re.IGNORECASE,
)

Mark = tuple[str, int]


def without_repeats(pages: Sequence[list[Line]], heights: Sequence[float], body: float) -> list[list[Line]]:
    """Return the lines of each page without those that repeat; `heights` are the pages' in points, `body` the type size."""
    marks = [[_mark(line, height, body) for line in lines] for lines, height in zip(pages, heights, strict=True)]
    counts: Counter[Mark] = Counter()
    for page in marks:
        counts.update({mark for mark in page if mark is not None})
    needed = _LEAST_PAGES if len(pages) > _SMALL_DOCUMENT else max(2, len(pages))
    repeated = {mark for mark in counts if counts[mark] + _beside(counts, mark) >= needed}
    kept = []
    for lines, page in zip(pages, marks, strict=True):
        numbers = [
            line
            for line, mark in zip(lines, page, strict=True)
            if mark in repeated and mark is not None and mark[0] == "#"
        ]
        kept.append(
            [
                line
                for line, mark in zip(lines, page, strict=True)
                if mark not in repeated and not _beside_number(line, numbers)
            ]
        )
    return kept


def _beside_number(line: Line, numbers: Sequence[Line]) -> bool:
    """Tell whether `line` stands in the row of a page number: the head of a chapter too short for it to repeat."""
    return any(same_row(line.box, number.box) and line.size <= number.size + 1 for number in numbers)


def _mark(line: Line, height: float, body: float) -> Mark | None:
    """Return what must be the same on another page for the line to repeat: its words, without numbers, and its place."""
    top, bottom = line.box[1], line.box[3]
    if bottom > _BAND * height and top < (1 - _BAND) * height:
        return None
    place = int(top / _SAME_PLACE) if top < height / 2 else -1 - int((height - bottom) / _SAME_PLACE)
    if _PAGE_NUMBER.fullmatch(line.text):
        return "#", place
    large = line.size >= _LARGE_TYPE * body
    return (line.text if large else _NUMBER.sub("#", line.text)), place


def _beside(counts: Counter[Mark], mark: Mark) -> int:
    text, place = mark
    return counts[(text, place - 1)] + counts[(text, place + 1)]
