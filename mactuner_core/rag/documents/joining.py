"""Making one text of the lines of a paragraph: hyphens at line ends, and Korean words that break anywhere.

Whether a Korean line ends inside a word cannot be seen from that line. The document tells: some programs write a space at
the end of every line that ends with a word; and a word that stands whole elsewhere is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mactuner_core.rag.documents.pdf_lines import Line

_HANGUL_END, _HANGUL_START = re.compile("[가-힣]$"), re.compile("^[가-힣]")
_CJK_END, _CJK_START = re.compile("[\u3040-\u30ff\u3400-\u9fff]$"), re.compile("^[\u3040-\u30ff\u3400-\u9fff]")
_HYPHENATED = re.compile(r"(?:[^\W\d_]|\d)+[-\u00ad\u2010]$")
SENTENCE_END = re.compile(r"[.!?。…:;][\'\")\]”’」』]*$")
_SOFT = "\u00ad"
_PARTICLE = re.compile(
    "(?:을|를|은|는|이|가|의|에|에서|에게|로|으로|와|과|도|만|까지|부터|보다|이나|이며|이고|입니다|이다)(?![가-힣])"
)
_BEFORE_PARTICLE = re.compile("[\\d%A-Za-z)\\]’”」』]$")
_SPACED_SHARE = 0.2  # of the Korean lines end with a space: then this program writes one wherever a word ends
_MARKS = ".,;:!?()[]{}'\"“”‘’「」『』<>《》·…"


class Joiner:
    """Joins lines with what the whole document tells about its words."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._words: set[str] = set()
        spaced = korean = 0
        for line in lines:
            parts = line.text.split()
            self._words.update(part.strip(_MARKS) for part in parts[1:-1])
            if len(parts) > 4 and _HANGUL_END.search(line.text):
                korean += 1
                spaced += line.spaced
        self._spaces_written = korean >= 5 and spaced >= _SPACED_SHARE * korean

    def lines(self, lines: Sequence[Line]) -> str:
        """Return the text of a paragraph."""
        return self._join([line.text for line in lines], [line.spaced for line in lines])

    def texts(self, lines: Sequence[str]) -> str:
        """Return one text of lines whose ends are not known: those of a cell, or two parts of a paragraph."""
        return self._join(lines, [False] * len(lines))

    def _join(self, lines: Sequence[str], spaced: Sequence[bool]) -> str:
        text = ""
        for number, line in enumerate(lines):
            if not text:
                text = line
            elif _HYPHENATED.search(text):
                text = self._unhyphenated(text, line)
            else:
                text += (" " if self._space_between(text, line, spaced[number - 1]) else "") + line
        return text.replace(_SOFT, "")

    def _unhyphenated(self, text: str, line: str) -> str:
        if text[-1] == _SOFT:
            return text[:-1] + line
        first, following = text.split()[-1], line.split()[0]
        whole = (first[:-1] + following).strip(_MARKS)
        compound = (first + following).strip(_MARKS)
        if whole not in self._words and (
            compound in self._words or not following[0].islower() or not first[-2].isalpha()
        ):
            return text + line
        return text[:-1] + line

    def _space_between(self, text: str, line: str, spaced: bool) -> bool:
        if _CJK_END.search(text) and _CJK_START.search(line):
            return False
        if not spaced and _BEFORE_PARTICLE.search(text) and _PARTICLE.match(line):
            return False
        if spaced or not (_HANGUL_END.search(text) and _HANGUL_START.search(line)):
            return True
        if self._spaces_written:
            return False
        first, following = text.split()[-1].strip(_MARKS), line.split()[0].strip(_MARKS)
        return first + following not in self._words or (first in self._words and following in self._words)
