"""Which sources an answer cites, and the sentence of each source that it rests on.

Numbers in brackets are cites: [1], [1, 2], [1][2], 【1】. Not those in code, in links, or behind a link's text. A number that no
source has is no citation. Not covered: whether the source really says what the answer says.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mactuner_core.rag.answer_checks import MARK, NO_PROSE, plain_letters
from mactuner_core.rag.packing import Source

_SENTENCE_END = re.compile(r"[.!?。…]+[\"'”’)]*(?=\s|[\[【]|\Z)|\n+")
_GAIN = 0.1  # what a second sentence of the source must add to be quoted with the first


@dataclass(frozen=True)
class Citation:
    """A cite of a source: `start` to `end` is the mark in the answer, `quote_start` to `quote_end` the quote in the source's text.

    `page` and `chunk_id` are those of the quote, `score` is the source's.
    """

    number: int
    start: int
    end: int
    document: str
    document_id: str
    chunk_id: str
    page: int
    score: float
    quote: str
    quote_start: int
    quote_end: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def cited(text: str, sources: Sequence[Source]) -> list[Citation]:
    """Return the cites of an answer in their order; one mark with two numbers gives two. Unknown numbers are left out."""
    known = {source.number: source for source in sources}
    return [_citation(text, start, end, known[number]) for start, end, number in _marks(text) if number in known]


def unknown_numbers(text: str, sources: Sequence[Source]) -> list[int]:
    """Return the numbers that an answer cites and no source has, each once."""
    known = {source.number for source in sources}
    return list(dict.fromkeys(number for _, _, number in _marks(text) if number not in known))


def quote_for(claim: str, text: str) -> tuple[int, int]:
    """Return where the sentence of `text` that shares most with `claim`, or two in a row, begin and end."""
    pairs = _pairs(claim)
    sentences = _paired_sentences(text)
    if not sentences:
        return 0, len(text)
    shares = [_share(pairs, has) for _, _, has in sentences]
    best = max(range(len(sentences)), key=lambda place: (shares[place], -place))
    places = [place for place in (best - 1, best) if 0 <= place < len(sentences) - 1]
    joined = [(_share(pairs, sentences[place][2] + sentences[place + 1][2]), place) for place in places]
    share, first = max(joined, default=(0.0, best))
    if share >= shares[best] + _GAIN:
        return sentences[first][0], sentences[first + 1][1]
    return sentences[best][:2]


def _marks(text: str) -> list[tuple[int, int, int]]:
    """Return start, end and number of each cite; what is no prose is looked past."""
    prose = NO_PROSE.sub(lambda found: " " * len(found[0]), text)
    return [
        (found.start(), found.end(), number)
        for found in MARK.finditer(prose)
        for number in dict.fromkeys(int(digits) for digits in re.findall(r"\d+", found[1]))
    ]


def _citation(text: str, start: int, end: int, source: Source) -> Citation:
    first, last = quote_for(_claim(text, start), source.text)
    part = source.part_at(first)
    return Citation(
        source.number,
        start,
        end,
        source.document,
        source.document_id,
        part.chunk_id,
        part.page,
        source.score,
        source.text[first:last],
        first,
        last,
    )


def _claim(text: str, mark: int) -> str:
    """Return the sentence that ends at a mark, also when its full stop or other marks stand between; else the one after it."""
    before = MARK.sub(" ", text[:mark]).rstrip()
    if whole := _sentences(before):
        return before[slice(*whole[-1])]
    after = MARK.sub(" ", text[mark:])
    return next((after[start:end] for start, end in _sentences(after)), "")


def _sentences(text: str) -> list[tuple[int, int]]:
    """Return where each sentence, line or row begins and ends, without the spaces around it."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text)] + [len(text)]
    found = []
    for start, end in zip([0, *ends], ends, strict=False):
        piece = text[start:end]
        if bare := piece.strip():
            begin = start + len(piece) - len(piece.lstrip())
            found.append((begin, begin + len(bare)))
    return found


@functools.lru_cache(maxsize=64)
def _paired_sentences(text: str) -> tuple[tuple[int, int, Counter[str]], ...]:
    """Return the sentences with their pairs of letters; kept, because an answer cites the same sources again and again."""
    return tuple((start, end, _pairs(text[start:end])) for start, end in _sentences(text))


def _pairs(text: str) -> Counter[str]:
    """Return the pairs of neighbouring letters, which change little with a word's ending."""
    letters = plain_letters(text)
    return Counter(letters[place : place + 2] for place in range(len(letters) - 1))


def _share(wanted: Counter[str], has: Counter[str]) -> float:
    """Return how alike two texts are, from 0 to 1: shared pairs of letters, over those of both (Sørensen and Dice)."""
    total = wanted.total() + has.total()
    return 2 * (wanted & has).total() / total if total else 0.0
