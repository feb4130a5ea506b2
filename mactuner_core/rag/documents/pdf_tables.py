"""Tables on a PDF page as Markdown: drawn with rules (found by MuPDF), or set in columns without any (found by their edges).

MuPDF looks for tables only where rules in both directions meet, as that takes twenty times as long as the text. Its own
extraction drops the spaces of Korean, so the words of the page are put into the cells here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from mactuner_core.rag.documents.clean import clean
from mactuner_core.rag.documents.document import Box
from mactuner_core.rag.documents.pdf_lines import Line
from mactuner_core.rag.documents.pdf_order import rows_of, same_row

_THIN, _LONG = 3.0, 12.0  # points: what looks like a rule
_AROUND = 3.0  # points between rules that are drawn to meet
_MOST_COMPARED = 2_000  # rules, each with each
_MOST_PATHS = 20_000  # a page with more is a drawing, where looking for tables could take minutes
_LEAST_FILLED = 0.3  # of the cells; an axis grid has almost none
_EDGE = 4.0  # points by which the cells of a column may differ
_LEAST_ROWS = 3
_LONGEST_CELL = 40  # characters, in a table without rules
_LOOSE = 0.75  # text columns fill more than this of their width, the cells of a table less


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its place; `rows` of cells, each of lines."""

    box: Box
    rows: list[list[list[str]]]


def ruled_tables(page: Any) -> list[Table]:
    """Return the tables of a MuPDF page that are drawn with rules."""
    area = _ruled_area(page)
    if area is None:
        return []
    finder = page.find_tables(use_layout=False, clip=None if page.rotation else area)
    if finder is None or not finder.tables:
        return []
    words = [(word[:4], clean(word[4])) for word in page.get_text("words")]
    found = (_ruled(table, words) for table in finder.tables)
    return [table for table in found if table is not None]


def inside(line: Line, tables: Sequence[Table]) -> bool:
    """Tell whether the middle of `line` lies in one of `tables`."""
    return any(_holds(table.box, line.box) for table in tables)


def _ruled_area(page: Any) -> Box | None:
    """Return what encloses the rules of a page that meet others, None when they are too few for a table."""
    paths = page.get_cdrawings()
    if len(paths) > _MOST_PATHS:
        return None
    rules: list[Box] = []
    across = down = 0
    for path in paths:
        for item in path["items"]:
            if item[0] == "l":
                box = _box_of(*item[1], *item[2])
            elif item[0] == "re":
                box = _box_of(*item[1])
            else:
                continue
            width, height = box[2] - box[0], box[3] - box[1]
            framed = item[0] == "re" and width > _LONG and height > _LONG / 2
            lies, stands = width > _LONG and height < _THIN, height > _LONG / 2 and width < _THIN
            across += 2 if framed else lies
            down += 2 if framed else stands
            if framed or lies or stands:
                rules.append(box)
    if across < 3 or down < 3:
        return None
    boxes = _meeting(np.array(rules))
    left, top = (boxes[:, :2].min(axis=0) - _AROUND).tolist()
    right, bottom = (boxes[:, 2:].max(axis=0) + _AROUND).tolist()
    return left, top, right, bottom


def _box_of(left: float, top: float, right: float, bottom: float) -> Box:
    return (min(left, right), min(top, bottom), max(left, right), max(top, bottom))


def _meeting(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the boxes (shape (rules, 4)) that touch another; all when none do or there are very many."""
    if len(boxes) > _MOST_COMPARED:
        return boxes
    low, high = boxes[:, None, :2] - _AROUND, boxes[:, None, 2:] + _AROUND
    touch = ((low <= boxes[None, :, 2:]) & (high >= boxes[None, :, :2])).all(axis=2)
    met = touch.sum(axis=1) > 1  # each touches itself
    return boxes[met] if met.any() else boxes


def _ruled(table: Any, words: list[tuple[Box, str]]) -> Table | None:
    box = tuple(table.bbox)
    within = [word for word in words if _holds(box, word[0])]
    rows = [[_cell(cell, within) if cell else [] for cell in row.cells] for row in table.rows]
    rows = [row for row in rows if any(row)]
    kept = [
        place for place in range(max(map(len, rows), default=0)) if any(any(row[place : place + 1]) for row in rows)
    ]
    rows = [[row[place] if place < len(row) else [] for place in kept] for row in rows]
    cells = [cell for row in rows for cell in row]
    if len(rows) < 2 or len(kept) < 2 or sum(map(bool, cells)) < _LEAST_FILLED * len(cells):
        return None
    return Table(box, rows)


def _cell(cell: Box, words: list[tuple[Box, str]]) -> list[str]:
    lines: list[list[str]] = []
    last: Box | None = None
    for box, word in words:
        if _holds(cell, box):
            if last is not None and same_row(last, box):
                lines[-1].append(word)
            else:
                lines.append([word])
            last = box
    return [" ".join(line) for line in lines]


def _holds(outer: Box, inner: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x < outer[2] and outer[1] <= y < outer[3]


def open_tables(lines: Sequence[Line]) -> list[Table]:
    """Return the tables set without rules: three or more rows in a row whose short cells stand under each other."""
    found: list[Table] = []
    run: list[list[Line]] = []
    for row in [*rows_of(lines), []]:
        if run and not _continues(run, row):
            if _is_table(run):
                found.append(_open(run))
            run = []
        if len(row) >= 2:
            run.append(row)
    return found


def _continues(run: list[list[Line]], row: list[Line]) -> bool:
    above = run[-1]
    if len(row) != len(above) or row[0].box[1] - above[0].box[3] > 2 * above[0].size:
        return False
    return all(_aligned(one.box, other.box) for one, other in zip(above, row, strict=True))


def _aligned(one: Box, other: Box) -> bool:
    middle = abs(one[0] + one[2] - other[0] - other[2]) / 2
    return min(abs(one[0] - other[0]), abs(one[2] - other[2]), middle) < _EDGE


def _is_table(run: list[list[Line]]) -> bool:
    if len(run) < _LEAST_ROWS:
        return False
    columns = list(zip(*run, strict=True))
    if any(median(len(cell.text) for cell in column) > _LONGEST_CELL for column in columns):
        return False
    if all(len(cell.text) <= 3 for cell in columns[0]) and len(columns) == 2:
        return False  # a list with its marks set apart
    loose = 0
    for column, following in pairwise(columns):
        pitch = min(cell.box[0] for cell in following) - min(cell.box[0] for cell in column)
        loose += median(cell.box[2] - cell.box[0] for cell in column) < _LOOSE * pitch
    return 2 * loose >= len(columns) - 1


def _open(run: list[list[Line]]) -> Table:
    boxes = [cell.box for row in run for cell in row]
    around = (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
    return Table(around, [[[cell.text] for cell in row] for row in run])
