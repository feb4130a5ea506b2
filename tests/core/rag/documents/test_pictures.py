"""Pages as pictures with the passage marked."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from mactuner_core.errors import InputError
from mactuner_core.rag.documents import page_picture, read_document
from tests.conftest import SAMPLES

LEASE = SAMPLES / "documents" / "lease_guide_ko.pdf"


def _marked(path: Path, page: int, passages: list[str]) -> set[tuple[int, int]]:
    """Return which cells of a grid of 10 points hold yellow."""
    picture = pymupdf.Pixmap(page_picture(path, page, passages))
    scale = picture.width / 595
    found = set()
    for y in range(picture.height):
        for x in range(0, picture.width, 4):
            red, green, blue = picture.pixel(x, y)
            if red > 240 and green > 200 and blue < 150:
                found.add((int(x / scale / 10), int(y / scale / 10)))
    return found


def test_a_passage_over_lines_and_columns_is_marked_where_it_stands() -> None:
    page = read_document(LEASE).pages[2]
    block = next(block for block in page.blocks if "가치를 높인 돈" in block.text)
    cells = _marked(LEASE, 3, [block.text])
    left, right = {y for x, y in cells if x < 30}, {y for x, y in cells if x >= 30}
    assert left and right and min(left) > 50 > 20 > max(right)  # from the foot of one column to the head of the next
    assert len(cells) > 40


def test_rows_of_a_table_are_marked_cell_by_cell() -> None:
    cells = _marked(LEASE, 2, ["| 횟수 | 제한 없음 | 1회 |"])
    assert cells and len({y for _, y in cells}) <= 3


def test_what_is_not_on_the_page_is_not_marked() -> None:
    assert _marked(LEASE, 1, ["이 문장은 어디에도 없는 문장입니다"]) == set()
    assert _marked(LEASE, 1, []) == set()


def test_a_page_that_is_not_there_is_said() -> None:
    with pytest.raises(InputError) as caught:
        page_picture(LEASE, 5)
    assert caught.value.code == "rag_documents.no_page" and "4" in caught.value.text("ko")
