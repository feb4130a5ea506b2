"""One spelling for text from any source: composed Hangul, plain spaces, no ligatures, nothing invisible."""

from __future__ import annotations

import re
import unicodedata

from mactuner_core.data.cleaning.languages import language_of

_SPACES = dict.fromkeys(
    map(ord, "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"), " "
)
_NOTHING = dict.fromkeys(
    [*range(9), 11, 12, *range(14, 32), *range(0x7F, 0xA0), *map(ord, "\u200b\u200c\u200d\u2060\ufeff\ufffe")]
)
_LIGATURES = dict(zip(map(ord, "ﬀﬁﬂﬃﬄﬅﬆ"), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True))
# Symbol fonts put their bullets into the private area.
_BULLETS = dict.fromkeys(map(ord, "\uf0b7\uf0a7\uf0a8\uf06c\uf06e\uf075\uf0d8\uf0fc"), "•")
_TABLE = {**_NOTHING, **_SPACES, **_LIGATURES, **_BULLETS}
_SURROGATE = re.compile("[\ud800-\udfff]")
_LANGUAGES = {"korean": "ko", "latin": "en", "japanese": "ja", "chinese": "zh"}
_LOOKED_AT = 20_000  # characters


def clean(text: str) -> str:
    """Return `text` without control characters and invisible marks, its Hangul composed, its spaces and ligatures plain.

    Line ends stay, as `\\n`; soft hyphens stay, for those who join lines.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)
    return unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text))


def language_code(texts: list[str]) -> str:
    """Return the ISO 639-1 code of the language most letters belong to ("en" for Latin letters), "" when none is known."""
    sample: list[str] = []
    length = 0
    for text in texts:
        sample.append(text)
        length += len(text)
        if length > _LOOKED_AT:
            break
    return _LANGUAGES.get(language_of(sample) or "", "")


def markdown_table(rows: list[list[str]]) -> str:
    """Return `rows` of cells as a Markdown table; the first row is its head."""
    width = max(len(row) for row in rows)
    cells = [[_cell(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
