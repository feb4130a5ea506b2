"""The blocks of a page in reading order, and sentences that go on in the next column or on the next page made whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mactuner_core.rag.documents.document import Block
from mactuner_core.rag.documents.joining import Joiner, ends_sentence
from mactuner_core.rag.documents.pdf_blocks import lists_joined, to_blocks
from mactuner_core.rag.documents.pdf_lines import Line
from mactuner_core.rag.documents.pdf_order import reading_order
from mactuner_core.rag.documents.pdf_tables import Table, inside, open_tables

_FULL = 3.0  # of the type's size: a line that ends nearer to the column's edge is full, and its paragraph may go on
_LEAST = 20  # characters of a paragraph that goes on
_FIRST_SENTENCE = re.compile(r".*?[.!?。…]['\")\]”’」』]*(?=\s|$)", re.DOTALL)

Ended = tuple[list[Block], bool]  # the blocks of a page, and whether its last line is full


def page_blocks(
    number: int, lines: Sequence[Line], ruled: Sequence[Table], body: float, bold_body: bool, joiner: Joiner
) -> Ended:
    """Return the blocks of page `number` in reading order, and whether its last line is full. Text set sideways comes last."""
    upright = [line for line in lines if line.turn == 0]
    open_ones = open_tables(upright)
    outside = [line for line in upright if not inside(line, open_ones)]
    items: list[Line | Table] = [*outside, *ruled, *open_ones]
    blocks: list[Block] = []
    full = False
    for run in reading_order(items):
        made = to_blocks(run, number, body, bold_body, joiner)
        if full and blocks and made and _goes_on(blocks[-1], made[0]):
            made[0] = replace(blocks[-1], text=joiner.texts([blocks.pop().text, made[0].text]))
        blocks += made
        last = run[-1]
        full = isinstance(last, Line) and max(item.box[2] for item in run) - last.box[2] < _FULL * last.size
    sideways = [
        Block("paragraph", line.text, 0, number, line.box) for line in lines if line.turn and len(line.text) > 1
    ]
    return lists_joined(blocks) + sideways, full and not sideways


def sentences_over_pages(pages: Sequence[Ended], joiner: Joiner) -> list[Block]:
    """Return all blocks; a sentence that goes on over the page's end stands whole on the page where it begins."""
    found: list[Block] = []
    full = False
    for blocks, page_full in pages:
        rest = list(blocks)
        if full and rest and _goes_on(found[-1], rest[0]):
            first = _FIRST_SENTENCE.match(rest[0].text)
            moved = first.group() if first else rest[0].text
            found[-1] = replace(found[-1], text=joiner.texts([found[-1].text, moved]))
            left = rest[0].text[len(moved) :].lstrip()
            rest = [replace(rest[0], text=left), *rest[1:]] if left else rest[1:]
        found += rest
        full = page_full and bool(found)
    return found


def _goes_on(block: Block, following: Block) -> bool:
    same = block.kind == following.kind == "paragraph"
    return (
        same
        and len(block.text) > _LEAST
        and not ends_sentence(block.text, ".!?。…:;")
        and not following.text[0].isupper()
    )
