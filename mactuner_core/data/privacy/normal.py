"""One spelling for the finders: ASCII digits and marks, composed Hangul, nothing invisible; and the way back to the input.

It changes what the finders look at, never the text that is returned.
"""

from __future__ import annotations

import re

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_MATH_DIGITS = {code: ord("0") + (code - 0x1D7CE) % 10 for code in range(0x1D7CE, 0x1D800)}
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0x30FC, 0x2500], ord("-"))
_SPACES = dict.fromkeys([0xA0, 0x3000, 0x202F, *range(0x2000, 0x200B)], ord(" "))
_SAME_LENGTH = _FULL_WIDTH | _MATH_DIGITS | _DASHES | _SPACES
# Hangul in parts (as macOS writes file names), and characters without width.
_CHANGES_LENGTH = re.compile(
    "([\u1100-\u1112])([\u1161-\u1175])([\u11a8-\u11c2]?)|[\u200b-\u200f\u2060\ufeff\u00ad\ufe0f]"
)

# Every character that either of the two concerns, as few ranges: most texts have none.
_ODD = re.compile(
    "[\u1100-\u11ff\u00a0\u00ad\u2000-\u2015\u202f\u2060\u2212\u2500\u3000\u30fc\ufe0f\ufe58\ufe63\ufeff\uff01-\uff5e\U0001d7ce-\U0001d7ff]"
)


def normal(text: str) -> tuple[str, list[int] | None]:
    """Return `text` in one spelling, and the offset of each of its characters in `text` (None: the same offsets).

    The list has one entry more than the spelling has characters: where the text ends.
    """
    if _ODD.search(text) is None:
        return text, None
    text = text.translate(_SAME_LENGTH)
    if not _CHANGES_LENGTH.search(text):
        return text, None
    pieces: list[str] = []
    offsets: list[int] = []
    position = 0
    for match in _CHANGES_LENGTH.finditer(text):
        pieces.append(text[position : match.start()])
        offsets.extend(range(position, match.start()))
        if match[1]:
            pieces.append(_syllable(match[1], match[2], match[3]))
            offsets.append(match.start())
        position = match.end()
    pieces.append(text[position:])
    offsets.extend(range(position, len(text) + 1))
    return "".join(pieces), offsets


def _syllable(lead: str, vowel: str, tail: str) -> str:
    index = ((ord(lead) - 0x1100) * 21 + ord(vowel) - 0x1161) * 28 + (ord(tail) - 0x11A7 if tail else 0)
    return chr(0xAC00 + index)
