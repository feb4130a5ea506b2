"""Cutting text into sentences: Korean ones by kiwipiepy, others by a rule for full stops.

Not covered: languages that write neither Hangul nor full stops followed by a space, such as Thai.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

from mactuner_core.rag.korean import analyser, has_hangul

_CJK_END = r"[。！？]"
_END = re.compile(rf"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9À-ÞΑ-ΩА-Я])|(?<={_CJK_END})\s*")
_SHORT = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|vs|etc|e\.g|i\.e|cf|No|Nos|Fig|Figs|Eq|Sec|Ch|Vol|pp?|al|Inc|Ltd|Co|Corp|approx|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)|\b[A-Z]|^\s*\d+)\.$"
)
_LINE = re.compile(r"\n+")
_CLAUSE = re.compile(r"(?<=[,;:，；、·)\]])\s*|\s+[–—-]\s+")
_SPACE = re.compile(r"\s+")


def sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph, trimmed, in order; a line break ends one only between list items or lines of verse.

    Nothing but white space between sentences is lost.
    """
    if has_hangul(text):
        found = [one.text.strip() for one in analyser().split_into_sents(text)]
        return [one for one in found if one]
    return list(_plain(text))


def pieces(sentence: str, fits: Callable[[str], bool]) -> list[str]:
    """Cut a sentence that is too long, at clauses where they are enough, else at spaces, else between letters.

    Every piece `fits`; joined with spaces (or nothing, when cut between letters) they give the sentence.
    """
    for border in (_LINE, _CLAUSE, _SPACE):
        parts = _joined(_split(sentence, border), fits)
        if all(fits(part) for part in parts):
            return parts
    return [piece for part in _joined(_split(sentence, _SPACE), fits) for piece in _letters(part, fits)]


def _plain(text: str) -> Iterator[str]:
    start = 0
    for border in _END.finditer(text):
        sentence = text[start : border.end()].strip()
        if not _SHORT.search(sentence):
            yield sentence
            start = border.end()
    if rest := text[start:].strip():
        yield rest


def _split(text: str, border: re.Pattern[str]) -> list[str]:
    places = [0, *(found.end() for found in border.finditer(text)), len(text)]
    return [text[one:two] for one, two in itertools.pairwise(places) if text[one:two].strip()]


def _joined(parts: list[str], fits: Callable[[str], bool]) -> list[str]:
    """Put neighbours together as long as they fit."""
    joined: list[str] = []
    for part in parts:
        if joined and fits(joined[-1] + part):
            joined[-1] += part
        else:
            joined.append(part)
    return [part.strip() for part in joined]


def _letters(text: str, fits: Callable[[str], bool]) -> list[str]:
    cut: list[str] = []
    while text:
        low, high = 1, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(text[:middle]) else (low, middle - 1)
        cut.append(text[:low])
        text = text[low:]
    return cut
