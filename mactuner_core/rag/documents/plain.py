"""Plain text: paragraphs at empty lines; numbered and underlined headings, lists and tables as people type them."""

from __future__ import annotations

import re

from mactuner_core.rag.documents.document import Block, Page, make_page

_LIST = re.compile(r"\s*(?:[-*•·▪○●□■◦]|\d{1,3}[.)]|[①-⑳]|[가나다라마바사아자차카타파하][.)])\s+\S")
_UNDERLINE = re.compile(r"(=+|-+|~+)\s*")
_NUMBERED = re.compile(r"(?:제\s*\d+\s*(편|장|절|관)\b|(\d{1,2}(?:\.\d{1,2})*)\.?\s+\S|\[[^\]]+\]$|■\s*\S|#+\s)")
_TABLE = re.compile(r"\s*\|.*\|\s*$")
_LONGEST_HEADING = 60  # characters
_SENTENCE_END = re.compile(r"[.!?。…,;:]['\")\]”’」』]*$")
_WIDEST_WRAPPED = 140  # columns; a text with longer lines was not wrapped by hand or by an editor
_FULL = 0.75  # of the widest line: such a line goes on in the next
_LONGEST_TITLE = 80  # characters
_LONGEST_PARAGRAPH = 4000  # characters; a text without empty lines is cut at its line ends


def read_plain(text: str) -> tuple[str, Page]:
    """Return the title (the first line, when it is short) and the one page of a plain text; wrapped lines are put together."""
    blocks: list[Block] = []
    first = text.lstrip().split("\n", 1)[0].strip()
    widest = max(map(_width, text.split("\n")))
    full = _FULL * widest if widest <= _WIDEST_WRAPPED else float("inf")
    for part in re.split(r"\n[ \t]*\n", text):
        lines = [line.rstrip() for line in part.split("\n") if line.strip()]
        if lines:
            blocks += _part(lines, full)
    return (first if len(first) <= _LONGEST_TITLE else ""), make_page(1, blocks)


def _part(lines: list[str], full: float) -> list[Block]:
    if len(lines) >= 2 and _UNDERLINE.fullmatch(lines[1]) and len(lines[0]) <= _LONGEST_HEADING:
        heading = Block("heading", lines[0].strip(), 1 if lines[1][0] == "=" else 2)
        return [heading, *(_part(lines[2:], full) if lines[2:] else [])]
    if len(lines) >= 2 and all(_TABLE.match(line) for line in lines):
        return [Block("table", "\n".join(line.strip() for line in lines))]
    if len(lines) == 1 and _is_heading(lines[0]):
        return [Block("heading", lines[0].strip().lstrip("# "), _level(lines[0].strip()))]
    blocks: list[Block] = []
    for number, line in enumerate(lines):
        kind = "list" if _LIST.match(line) else "paragraph"
        last = blocks[-1] if blocks else None
        goes_on = last is not None and (last.kind == kind or (last.kind == "list" and line[:1].isspace()))
        if last is None or not goes_on or len(last.text) > _LONGEST_PARAGRAPH:
            blocks.append(Block("list" if kind == "list" else "paragraph", line))
        else:
            wrapped = _width(lines[number - 1]) >= full and not _LIST.match(line)
            blocks[-1] = Block(last.kind, f"{last.text} {line.strip()}" if wrapped else f"{last.text}\n{line}")
    return blocks


def _width(line: str) -> int:
    """Return how many columns a line takes: Hangul, Han and kana take two."""
    return len(line) + sum(letter >= "\u1100" for letter in line)


def _is_heading(line: str) -> bool:
    line = line.strip()
    return len(line) <= _LONGEST_HEADING and bool(_NUMBERED.match(line)) and not _SENTENCE_END.search(line)


def _level(line: str) -> int:
    found = _NUMBERED.match(line)
    if found is None or not (found.group(1) or found.group(2)):
        return min(6, len(line) - len(line.lstrip("#"))) or 1
    return {"편": 1, "장": 1, "절": 2, "관": 3}.get(found.group(1) or "", (found.group(2) or "").count(".") + 1)
