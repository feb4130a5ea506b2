"""Which words are said most: Korean by morphemes (kiwipiepy), Latin letters as they are; on a sample of the rows.

Nouns, verbs and adjectives count in their dictionary form (공부, 먹다, 예쁘다), without particles and endings. System
prompts do not count: they are the same in every row.
"""

from __future__ import annotations

import functools
import os
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from mactuner_core.data.statistics.cloud import Size, place_words
from mactuner_core.data.statistics.part import Part, packed
from mactuner_core.data.statistics.source import Row
from mactuner_core.errors import WorkError

SAMPLE_ROWS = 5_000
SAMPLE_CHARACTERS = 200_000
ROW_CHARACTERS = 4_000  # of a longer row only its beginning counts
MOST_WORDS = 300
CLOUD_WORDS = 60
CLOUD_SIZE = Size(640, 340)

_NOUNS = ("NNG", "NNP")
_STEMS = ("VV", "VA")  # with -R and -I for regular and irregular ones
_ENGLISH_GRAMMAR = """
    a about all also am an and any are as at be been but by can could did do does don for from had has have
    he her him his how if in into is it its just ll me my no not of on one or our out re she should so some
    than that the their them then there these they this to too up us ve was we were what when where which who
    will with would you your
"""
_LOOSE_ENDINGS = ("들", "님", "씨")  # 사람들 counts as 사람
_KOREAN_GRAMMAR = "하다 되다 있다 없다 같다"


def sample_numbers(rows: int, sample: int = SAMPLE_ROWS) -> range | list[int]:
    """Return which of `rows` rows are looked at, evenly spread and in ascending order."""
    return range(rows) if rows <= sample else [number * rows // sample for number in range(sample)]


def count_words(rows: Iterable[tuple[int, Row]], total: int) -> Part:
    """Return the part "words" of sampled rows, each with its number; `total` is how many rows there are.

    Raises WorkError when kiwipiepy is not installed.
    """
    sample = _thinned([(number, _said(row)) for number, row in rows])
    counts: Counter[str] = Counter()
    rows_with: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
    analysed = _kiwi().tokenize([text for _, text in sample]) if sample else ()
    for (number, _), tokens in zip(sample, analysed, strict=True):
        found = Counter(words_of(tokens))
        counts.update(found)
        for word in found:
            rows_with[word].append(number)
    most = counts.most_common(MOST_WORDS)
    cloud = place_words(most[:CLOUD_WORDS], CLOUD_SIZE)
    figures: dict[str, Any] = {
        "sample_rows": len(sample),
        "total_rows": total,
        "different_words": len(counts),
        "words": [{"word": word, "times": count, "rows": len(rows_with[word])} for word, count in most],
        "cloud": {"width": CLOUD_SIZE.width, "height": CLOUD_SIZE.height, "words": [each._asdict() for each in cloud]},
    }
    return Part(figures, packed("words", [rows_with[word] for word, _ in most]))


def words_of(tokens: Iterable[Any]) -> Iterator[str]:
    """Yield the words among the morphemes of a text, in dictionary form."""
    grammar = _grammar()
    noun, root, end = "", "", -1  # a noun or a root that may go on, and where it ends
    for token in tokens:
        tag, follows = token.tag, token.start == end
        if noun and follows and tag == "XSN" and token.form not in _LOOSE_ENDINGS:
            noun, end = noun + token.form, token.start + token.len  # 개방 + 성
            continue
        if noun:
            yield noun
        if root and follows and tag.startswith("XSA"):
            yield f"{root}{token.form}다"  # 깨끗 + 하다
        noun = token.form if tag in _NOUNS else ""
        root = token.form if tag == "XR" else ""
        end = token.start + token.len
        word = f"{token.form}다" if tag.startswith(_STEMS) else token.form.casefold() if tag == "SL" else ""
        if len(word) > 1 and word not in grammar:
            yield word
    if noun:
        yield noun


@functools.cache
def _grammar() -> frozenset[str]:
    return frozenset(f"{_ENGLISH_GRAMMAR} {_KOREAN_GRAMMAR}".split())


def _said(row: Row) -> str:
    return "\n".join([text for name, text in row.texts if name != "system"])[:ROW_CHARACTERS]


def _thinned(sample: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return as many rows of the sample, evenly spread, as the limit of characters allows."""
    size = sum(len(text) for _, text in sample)
    if size <= SAMPLE_CHARACTERS:
        return sample
    kept = max(1, len(sample) * SAMPLE_CHARACTERS // size)
    return [sample[place] for place in sample_numbers(len(sample), kept)]


@functools.cache
def _kiwi() -> Any:
    """Return the analyser, loaded once: a second, and about 500 MB."""
    try:
        from kiwipiepy import Kiwi  # type: ignore[import-untyped, unused-ignore]
    except ImportError as problem:
        raise WorkError("statistics.no_analyser") from problem
    return Kiwi(num_workers=min(4, os.cpu_count() or 1))
