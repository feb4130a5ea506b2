"""The lines of a PDF page as MuPDF finds them, with what their type tells: size, weight, fixed width."""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from mactuner_core.rag.documents.clean import clean
from mactuner_core.rag.documents.document import Box

_PRESERVE_WHITESPACE, _MEDIABOX_CLIP = 2, 64  # ligatures are taken apart and pictures left out by not asking for them
_FLAGS = _PRESERVE_WHITESPACE | _MEDIABOX_CLIP
_BOLD, _MONO = 16, 8
_BOLD_NAMES = re.compile("bold|black|heavy|헤드라인|견고딕|견명조|태고딕", re.IGNORECASE)
_STRAIGHT = 0.99
_TURNS = {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; `size` in points, `spaced` when a space stands at its end.

    `turn` is how far the page must be turned for the line to stand upright: 0, 90, 180 or 270 degrees, -1 when it is slanted.
    """

    text: str
    box: Box
    size: float
    bold: bool = False
    mono: bool = False
    spaced: bool = False
    turn: int = 0


def page_lines(page: Any) -> list[Line]:
    """Return the lines of a MuPDF page in the order of the file, after turning the page so that most of them stand upright."""
    if page.rotation:
        page.remove_rotation()  # tables are looked for on the page as it lies in the file, and so all boxes agree
    lines = _lines(page)
    turn, count = Counter(line.turn for line in lines).most_common(1)[0] if lines else (0, 0)
    if turn > 0 and count > len(lines) / 2:
        page.set_rotation(turn)
        page.remove_rotation()
        return _lines(page)
    return lines


def _lines(page: Any) -> list[Line]:
    found = []
    for block in page.get_text("dict", flags=_FLAGS)["blocks"]:
        for line in block.get("lines", ()):
            made = _line(line)
            if made is not None:
                found.append(made)
    return found


@functools.cache
def _is_bold_name(font: str) -> bool:
    return bool(_BOLD_NAMES.search(font))


def _line(line: dict[str, Any]) -> Line | None:
    spans = line["spans"]
    raw = clean("".join(span["text"] for span in spans))
    text = raw.strip()
    if not text:
        return None
    main = spans[0] if len(spans) == 1 else max(spans, key=lambda span: len(span["text"].strip()))
    letters = bold = mono = 0
    for span in spans:
        length = len(span["text"].strip())
        letters += length
        bold += length * bool(span["flags"] & _BOLD or _is_bold_name(span["font"]))
        mono += length * bool(span["flags"] & _MONO)
    across, down = (round(part) for part in line["dir"]) if max(map(abs, line["dir"])) > _STRAIGHT else (0, 0)
    turn = 0 if line["wmode"] == 1 else _TURNS.get((across, down), -1)
    spaced = raw[-1].isspace()
    heavy = bold > 0.8 * letters
    return Line(text, line["bbox"], round(main["size"] * 2) / 2, heavy, mono > 0.8 * letters, spaced, turn)
