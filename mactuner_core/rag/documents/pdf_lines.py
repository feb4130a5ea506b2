"""The lines of a PDF page as MuPDF finds them, with what their type tells: size, weight, fixed width."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mactuner_core.rag.documents.clean import clean
from mactuner_core.rag.documents.document import Box

_PRESERVE_WHITESPACE, _MEDIABOX_CLIP = 2, 64  # ligatures are taken apart and pictures left out by not asking for them
_FLAGS = _PRESERVE_WHITESPACE | _MEDIABOX_CLIP
_BOLD, _MONO = 16, 8
_BOLD_NAMES = re.compile("bold|black|heavy|헤드라인|견고딕|견명조|태고딕", re.IGNORECASE)
_UPRIGHT = 0.99


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; `size` in points, `spaced` when a space stands at its end, `upright` when written left to right."""

    text: str
    box: Box
    size: float
    bold: bool = False
    mono: bool = False
    spaced: bool = False
    upright: bool = True


def page_lines(page: Any) -> list[Line]:
    """Return the lines of a MuPDF page in the order of the file. A page written sideways is turned first."""
    lines = _lines(page)
    sideways = [line for line in lines if not line.upright]
    if len(sideways) > len(lines) / 2:
        for turn in (90, 270):
            page.set_rotation((page.rotation + turn) % 360)
            turned = _lines(page)
            if sum(line.upright for line in turned) > len(turned) / 2:
                return turned
            page.set_rotation((page.rotation - turn) % 360)
    return lines


def _lines(page: Any) -> list[Line]:
    found = []
    for block in page.get_text("dict", flags=_FLAGS)["blocks"]:
        for line in block.get("lines", ()):
            made = _line(line)
            if made is not None:
                found.append(made)
    return found


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
        bold += length * bool(span["flags"] & _BOLD or _BOLD_NAMES.search(span["font"]))
        mono += length * bool(span["flags"] & _MONO)
    upright = line["dir"][0] > _UPRIGHT or line["wmode"] == 1
    spaced = raw[-1].isspace()
    heavy = bold > 0.8 * letters
    return Line(text, line["bbox"], round(main["size"] * 2) / 2, heavy, mono > 0.8 * letters, spaced, upright)
