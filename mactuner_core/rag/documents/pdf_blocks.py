"""Lines in reading order to blocks: paragraphs, lists, code and headings, told by type, distance and marks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mactuner_core.rag.documents.clean import markdown_table
from mactuner_core.rag.documents.document import Block, Box
from mactuner_core.rag.documents.joining import Joiner, ends_sentence
from mactuner_core.rag.documents.pdf_lines import Line
from mactuner_core.rag.documents.pdf_order import same_row
from mactuner_core.rag.documents.pdf_tables import Table

_BULLET = re.compile(r"[•‣▪▫◦●○◯■□▶►▷◆◇★☆❖➢✓✔·ㆍ∙⋅]\s*(?=\S)|[*–—-]\s+(?=\S)")
_ITEM = re.compile(
    r"(?:\(?\d{1,3}\)|\d{1,2}\.(?!\d)|[①-⑳㉮-㉻]|\(?[가나다라마바사아자차카타파하]\)|[가나다라마바사아자차카타파하]\.|\(?[a-zA-Z]\)|[a-z]\.|\(?[ivx]{1,4}\))\s*(?=\S)"
)
_DIVISION = re.compile(
    r"제\s*\d+\s*(편|장|절|관)(?=\s|$|[^\w])|(?:Part|Chapter|Section|Appendix)\s+(?:\d+|[IVXLC]+|[A-Z])\b|부\s*칙$|별\s*[표첨]\s*\d*",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"제\s*\d+\s*조(?:의\s*\d+)?\s*[(（\[【][^)）\]】]{1,40}[)）\]】]$")
_NUMBERED = re.compile(r"((?:\d{1,2}\.)*\d{1,2})\.?\s+\S|([IVX]{1,5}|[A-Z])\.\s+\S")
_LEADER = re.compile(r"\s*(?:[.·…‥]\s?){4,}\s*")
_CONTENTS = re.compile(r"(?:[.·…‥]\s?){4,}\s*[\divxlc]{0,5}$", re.IGNORECASE)  # an entry of a table of contents
_CAPTION = re.compile(r"(?:[<\[〈【(]\s*)?(?:표|그림|사진|Table|Figure|Fig\.?)\s*\d+", re.IGNORECASE)
_HANGUL = re.compile("[가-힣]")
_DEPTHS = {"편": 1, "장": 2, "절": 3, "관": 4}
_LARGER = 1.12  # than the body: a heading
_HEADING_CHARACTERS, _HEADING_LINES = 120, 3
_NEW_PARAGRAPH = 0.75  # of the type's size between two lines
_INDENT = 0.8  # of the type's size


def body_size(pages: Iterable[Sequence[Line]]) -> float:
    """Return the size most characters of the document are set in, in points; 10 when there are none."""
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[line.size] += len(line.text)
    return max(sizes, key=lambda size: (sizes[size], -size)) if sizes else 10.0


def to_blocks(run: Sequence[Line | Table], page: int, body: float, bold_body: bool, joiner: Joiner) -> list[Block]:
    """Return the blocks of one run of lines and tables; the level of a heading is its size in half points, for `with_levels`."""
    blocks: list[Block] = []
    group: list[Line] = []
    right = max((item.box[2] for item in run), default=0.0)
    for item in run:
        if isinstance(item, Table):
            blocks += _finished(group, page, body, bold_body, joiner)
            blocks.append(Block("table", _table_text(item, joiner), 0, page, _rounded(item.box)))
            group = []
        elif group and not _follows(group, item, right):
            blocks += _finished(group, page, body, bold_body, joiner)
            group = [item]
        else:
            group.append(item)
    blocks += _finished(group, page, body, bold_body, joiner)
    return blocks


def _table_text(table: Table, joiner: Joiner) -> str:
    return markdown_table([[joiner.texts(cell) for cell in row] for row in table.rows])


def _follows(group: Sequence[Line], line: Line, right: float) -> bool:
    """Tell whether `line` goes on with the paragraph of `group`, whose column ends at `right`."""
    last = group[-1]
    if same_row(last.box, line.box):
        return True
    short = right - last.box[2] > 3 * line.size
    ended = ends_sentence(last.text)
    difference = abs(last.size - line.size)  # a line of file names may be smaller than its neighbours
    if difference > 1.0 or (difference > 0.5 and (short or ended)) or last.bold != line.bold or last.mono != line.mono:
        return False
    gap = line.box[1] - last.box[3]
    if gap > _NEW_PARAGRAPH * line.size * (2 if line.mono else 1) or gap < -2 * line.size:
        return False
    if line.mono and not _BULLET.match(line.text):
        return True
    if _BULLET.match(line.text) or _DIVISION.match(line.text) or _CONTENTS.search(last.text):
        return False
    if _ITEM.match(line.text) and (short or ended or not _HANGUL.match(line.text)):  # "…합니 / 다. 그리고" is no item
        return False
    above = next((one for one in reversed(group) if not same_row(one.box, last.box)), None)
    if above is not None and gap > last.box[1] - above.box[3] + 0.35 * line.size:
        return False
    if short and ended:
        return False
    in_list = bool(_BULLET.match(group[0].text) or _ITEM.match(group[0].text))
    return in_list or line.box[0] - last.box[0] < _INDENT * line.size or (len(group) == 1 and not short)


def _finished(group: Sequence[Line], page: int, body: float, bold_body: bool, joiner: Joiner) -> list[Block]:
    if not group:
        return []
    box = around([line.box for line in group])
    marked = _BULLET.match(group[0].text) or _ITEM.match(group[0].text)
    if all(line.mono for line in group) and len(group[0].text) > 1 and not marked:
        return [Block("code", _code(group), 0, page, box)]
    text = joiner.lines(_rows_joined(group))
    if _CONTENTS.search(text):
        return [Block("list", _LEADER.sub(" … ", text), 0, page, box)]
    level = _heading_size(group, text, body, bold_body)
    if level:
        return [Block("heading", text, level, page, box)]
    if _BULLET.match(text):
        return [Block("list", "- " + _BULLET.sub("", text, count=1), 0, page, box)]
    return [Block("list" if _ITEM.match(text) else "paragraph", text, 0, page, box)]


def _heading_size(group: Sequence[Line], text: str, body: float, bold_body: bool) -> int:
    """Return the size of a heading in half points, or 0 when the paragraph is none."""
    first = group[0]
    size = max(1, round(first.size * 2))
    if len(text) > _HEADING_CHARACTERS or len(group) > _HEADING_LINES or not any(map(str.isalpha, text)):
        return 0
    if _CAPTION.match(text):
        return 0
    if first.size >= _LARGER * body:
        return 0 if ends_sentence(text) and len(text) > 60 else size
    if first.size < 0.9 * body or ends_sentence(text) or _BULLET.match(text):
        return 0
    if _ARTICLE.fullmatch(text) or (_DIVISION.match(text) and len(text) <= 40):
        return size
    stands_out = all(line.bold for line in group) and not bold_body
    return size if stands_out and len(group) <= 2 and not text.endswith((",", ":", ";")) else 0


def with_levels(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks of the whole document with each heading's level: first by size, then by the depth of its number."""
    blocks = list(blocks)
    styles = {(-block.level, _depth(block.text)) for block in blocks if block.kind == "heading"}
    levels = {style: min(6, rank) for rank, style in enumerate(sorted(styles), start=1)}
    return [
        replace(block, level=levels[-block.level, _depth(block.text)]) if block.kind == "heading" else block
        for block in blocks
    ]


def _depth(text: str) -> int:
    division = _DIVISION.match(text)
    if division:
        return _DEPTHS.get(division.group(1) or "", 2)
    if _ARTICLE.fullmatch(text):
        return 5
    numbered = _NUMBERED.match(text)
    return numbered.group(1).count(".") + 1 if numbered and numbered.group(1) else 1


def lists_joined(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks of a page with the items of each list in one block, and so the lines of code that stand apart."""
    joined: list[Block] = []
    for block in blocks:
        if joined and block.kind == joined[-1].kind and block.kind in ("list", "code"):
            last = joined[-1]
            box = around([one for one in (last.box, block.box) if one])
            joined[-1] = replace(last, text=f"{last.text}\n{block.text}", box=box)
        else:
            joined.append(block)
    return joined


def _rows_joined(group: Sequence[Line]) -> list[Line]:
    """Put together what stands in one row: a mark and its text, words set far apart."""
    rows: list[Line] = []
    for line in group:
        if rows and same_row(rows[-1].box, line.box):
            rows[-1] = replace(line, text=f"{rows[-1].text} {line.text}", box=around([rows[-1].box, line.box]))
        else:
            rows.append(line)
    return rows


def _code(group: Sequence[Line]) -> str:
    left = min(line.box[0] for line in group)
    width = max(1.0, max((line.box[2] - line.box[0]) / len(line.text) for line in group))
    rows: list[tuple[Box, str]] = []
    for line in group:
        column = round((line.box[0] - left) / width)
        if rows and same_row(rows[-1][0], line.box):
            box, text = rows[-1]
            rows[-1] = (box, text.ljust(column) + line.text if column > len(text) else f"{text} {line.text}")
        else:
            rows.append((line.box, " " * min(column, 80) + line.text))
    return "\n".join(text for _, text in rows)


def around(boxes: Sequence[Box]) -> Box:
    """Return the smallest box around all of them, in points, rounded to a tenth."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return _rounded((min(left), min(top), max(right), max(bottom)))


def _rounded(box: Box) -> Box:
    return (round(box[0], 1), round(box[1], 1), round(box[2], 1), round(box[3], 1))
