"""Making one text of the lines of a paragraph: hyphens at line ends, and Korean lines that may end inside a word.

Whether a Korean line ends inside a word cannot be seen from that line. The document tells: lines that leave room for a
syllable break between words only; some programs write a space at the end of each line that ends with a word; a word that
stands whole elsewhere is known. Where all of this is silent, the morphological analyser kiwi decides.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from mactuner_core.rag.documents.pdf_lines import Line

_HYPHENATED = re.compile(r"(?:[^\W\d_]|\d)+[-\u00ad\u2010]$")
_CLOSING = "'\")]”’」』"
_HYPHENS = "-\u00ad\u2010"
_SOFT = "\u00ad"
_PARTICLE = re.compile(
    "(?:을|를|은|는|이|가|의|에|에서|에게|로|으로|와|과|도|만|까지|부터|보다|이나|이며|이고|입니다|이다)(?![가-힣])"
)
_COUNTED = re.compile(
    "(?:시|분|초|일|월|년|주|개|명|권|원|층|쪽|회|번|세|살|조|항|호|점|건|대|배|만|억|천|백|도|미터|그램|리터|퍼센트)"
)
_BEFORE_PARTICLE = re.compile(r"[\d%A-Za-z)\]’”」』]$")
_MARKS = ".,;:!?()[]{}'\"“”‘’「」『』<>《》·…"
_SPACED_SHARE = 0.2  # of the Korean lines end with a space: then this program writes one wherever a word ends
_ROOM = 1.2  # of the type's size: a syllable would have fitted
_ROOMY_SHARE = 0.15  # of the Korean lines leave that room: then lines break between words only
_LEAST_LINES = 5  # to judge by
_LONGEST_WORD = 60  # characters
_CONTEXT = 16  # characters on each side for kiwi


def ends_sentence(text: str, marks: str = ".!?。…") -> bool:
    """Tell whether `text` ends with one of `marks`, closing quotes and brackets aside."""
    return text.rstrip(_CLOSING)[-1:] in (*marks,)


class Joiner:
    """Joins lines with what the whole document, given as its pages, tells about its words."""

    def __init__(self, pages: Iterable[Sequence[Line]]) -> None:
        self._words: set[str] = set()
        korean = spaced = roomy = 0
        for lines in pages:
            edges: dict[int, float] = {}
            for line in lines:
                self._words.update(part.strip(_MARKS) for part in line.text.split()[1:-1])
                left = round(line.box[0] / 2)
                edges[left] = max(edges.get(left, 0.0), line.box[2])
            for line, following in pairwise(lines):
                if _goes_on(line, following):
                    korean += 1
                    spaced += line.spaced
                    roomy += edges[round(line.box[0] / 2)] - line.box[2] > _ROOM * line.size
        self._between_words = korean >= _LEAST_LINES and roomy >= _ROOMY_SHARE * korean
        self._spaces_written = korean >= _LEAST_LINES and spaced >= _SPACED_SHARE * korean

    def lines(self, lines: Sequence[Line]) -> str:
        """Return the text of a paragraph."""
        return self._join([line.text for line in lines], [line.spaced for line in lines])

    def texts(self, lines: Sequence[str]) -> str:
        """Return one text of lines whose ends are not known: those of a cell, or two parts of a paragraph."""
        return self._join(lines, None)

    def _join(self, lines: Sequence[str], spaced: Sequence[bool] | None) -> str:
        parts: list[str] = []
        for number, line in enumerate(lines):
            end = parts[-1][-_LONGEST_WORD:] if parts else ""
            if end and end[-1] in _HYPHENS and _HYPHENATED.search(end):
                if self._hyphen_goes(end, line):
                    parts[-1] = parts[-1][:-1]
            elif end and self._space_between(end, line, spaced[number - 1] if spaced else None):
                parts.append(" ")
            parts.append(line)
        return "".join(parts).replace(_SOFT, "")

    def _hyphen_goes(self, text: str, line: str) -> bool:
        if text[-1] == _SOFT:
            return True
        first, following = text.split()[-1], line.split()[0]
        whole = (first[:-1] + following).strip(_MARKS)
        compound = (first + following).strip(_MARKS)
        letters = following[0].islower() and first[-2].isalpha()
        return whole in self._words or (letters and compound not in self._words)

    def _space_between(self, text: str, line: str, spaced: bool | None) -> bool:
        if spaced:
            return True
        if text[-1].isascii() and line[0].isascii():
            return True
        if _is_han_or_kana(text[-1]) and _is_han_or_kana(line[0]):
            return False
        if _BEFORE_PARTICLE.search(text) and _PARTICLE.match(line):
            return False
        if not self._between_words and text[-1].isdigit() and _COUNTED.match(line):
            return False
        if not (_is_hangul(text[-1]) and _is_hangul(line[0])) or self._between_words:
            return True
        if self._spaces_written and spaced is not None:
            return False
        first, following = text.split()[-1].strip(_MARKS), line.split()[0].strip(_MARKS)
        whole, apart = first + following in self._words, {first, following} <= self._words
        if whole != apart:
            return apart
        return _kiwi_space(text[-_CONTEXT:], line[:_CONTEXT])


def _is_hangul(letter: str) -> bool:
    return "가" <= letter <= "힣"


def _is_han_or_kana(letter: str) -> bool:
    return "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff"


def _goes_on(line: Line, following: Line) -> bool:
    """Tell whether two Korean lines are lines of one paragraph, the first of them full of words."""
    below = 0 < following.box[1] - line.box[1] < 2.5 * line.size and abs(following.box[0] - line.box[0]) < 2
    korean = _is_hangul(line.text[-1]) and _is_hangul(following.text[0])
    return bool(below and korean and line.size == following.size and line.text.count(" ") > 1)


@functools.lru_cache(maxsize=20_000)
def _kiwi_space(before: str, after: str) -> bool:
    _, spaces = _kiwi().glue([before, after], return_space_insertions=True)
    return bool(spaces[0])


@functools.cache
def _kiwi() -> Any:
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1, load_default_dict=False, load_multi_dict=False)  # as good here, in a third of the time
