"""The words of a text as the word index (BM25) knows them.

Korean: nouns, roots, verb and adjective stems, adverbs (kiwipiepy). English: Snowball stems. Numbers with their unit, names such
as ID-2024-001 and model numbers also whole. Pairs of neighbouring Hangul syllables, over spaces, find what is spaced or spelt
otherwise; they weigh less (`weight`). Everything in Unicode NFC and lower case.
"""

from __future__ import annotations

import functools
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mactuner_core.rag.korean import analyser, has_hangul

VERSION = 1  # raise it when the same text gives other words: what is cached is then made anew
PAIR = "#"  # begins a pair of syllables
PAIR_WEIGHT = 0.3

_KEPT = {"NNG", "NNP", "NNB", "NR", "XR", "SH", "MAG"}
_STEMS = {"VV", "VA"}
_COMMON = {
    "하다",
    "되다",
    "있다",
    "없다",
    "이다",
    "것",
    "수",
    "등",
    "및",
    "때",
    "아니다",
    "싶다",
    "같다",
    "어떻다",
    "어떻게",
    "좀",
}
_ASKING_EN = """a an the of in on at to for from by with about and or not no is are was were be been am do does did can could
should would will may must i you we they he she it my your our their this that these those there how what when where who which why
much many have has had me us please tell if so as any"""
_ASKING_KO = "언제 얼마 얼마나 며칠 어디 누구 무엇 왜 어떤 어느 몇 무슨 알다 궁금 경우 방법"
_LATIN = re.compile(r"[^\W_가-힣]+(?:[-_./:@+#&'’][^\W_가-힣]+)*", re.UNICODE)
_PART = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*", re.UNICODE)
_NUMBER_UNIT = re.compile(r"(\d+(?:[.,]\d+)*)\s?([가-힣]{1,2}|%|℃)?")
_HANGUL_RUN = re.compile(r"[가-힣]+(?:[ \t\n]+[가-힣]+)*")

_stemming = threading.Lock()


def words(text: str) -> list[str]:
    """Return the words of a text with repetitions."""
    return words_of([text])[0]


def words_of(texts: Sequence[str]) -> list[list[str]]:
    """Return the words of each text; Korean is analysed on all cores."""
    plain = [normal(text) for text in texts]
    korean = [number for number, text in enumerate(plain) if has_hangul(text)]
    found = [list(_latin_words(text)) for text in plain]
    if korean:
        analysed: Iterable[Any] = analyser().tokenize([plain[number] for number in korean])
        for number, tokens in zip(korean, analysed, strict=True):
            found[number] += _hangul_words(plain[number], _korean_words(tokens))
    return found


@functools.lru_cache(maxsize=64)
def _korean_words_of(plain: str) -> tuple[str, ...]:
    """Return the Korean words of a question, which is looked at twice: to search, and to mark what was found."""
    return tuple(_korean_words(analyser().tokenize(plain))) if has_hangul(plain) else ()


def question_words(question: str) -> list[str]:
    """Return the different words of a question that tell what it is about: without "how", "can", "언제" and the like.

    A question of nothing else keeps them.
    """
    plain = normal(question)
    korean = _hangul_words(plain, _korean_words_of(plain)) if has_hangul(plain) else []
    found = list(dict.fromkeys([*_latin_words(plain), *korean]))
    telling = [word for word in found if word not in _asking()]
    return telling if any(not word.startswith(PAIR) for word in telling) else found


def weight(word: str) -> float:
    """Return how much a word counts in a question: pairs of syllables less than words."""
    return PAIR_WEIGHT if word.startswith(PAIR) else 1.0


def normal(text: str) -> str:
    """Return a text in the form that words are taken from: NFC, lower case; it may differ in length from the original."""
    return unicodedata.normalize("NFC", text).lower()


def surface_patterns(query: str) -> list[re.Pattern[str]]:
    """Return patterns that find the telling words of a question in a text as it is written, to mark them."""
    plain = normal(query)
    latin = {stem for part in _PART.findall(plain) if not has_hangul(part) for stem in [_stem(part)] if len(stem) > 1}
    korean = set(_korean_words_of(plain))
    if telling := (latin | korean) - _asking():
        latin, korean = latin & telling, korean & telling
    patterns = []
    if latin:
        stems = "|".join(re.sub("i$", "[iy]", re.escape(word)) for word in sorted(latin))  # "batteri": also battery
        patterns.append(re.compile(rf"(?<![^\W_])(?:{stems})\w*", re.I))
    if forms := {form for word in korean if len(form := word.removesuffix("다")) > 1}:
        patterns.append(re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))))
    return patterns


def _latin_words(plain: str) -> Iterator[str]:
    for found in _LATIN.finditer(plain):
        whole = found.group()
        parts = [part.replace(",", "") if part[0].isdigit() else _stem(part) for part in _PART.findall(whole)]
        yield from parts
        if len(parts) > 1:
            yield whole


def _hangul_words(plain: str, analysed: Iterable[str]) -> list[str]:
    """Return what a text with Hangul has beyond Latin words; `analysed` are its Korean words."""
    return [*analysed, *_numbers_with_unit(plain), *_pairs(plain)]


def _numbers_with_unit(plain: str) -> Iterator[str]:
    for number, unit in _NUMBER_UNIT.findall(plain):
        if unit:
            yield number.replace(",", "") + unit


def _korean_words(tokens: Iterable[Any]) -> Iterator[str]:
    for token in tokens:
        tag = token.tag.partition("-")[0]
        word = token.form + "다" if tag in _STEMS else token.form if tag in _KEPT else ""
        if word and word not in _COMMON:
            yield word


def _pairs(plain: str) -> Iterator[str]:
    for run in _HANGUL_RUN.findall(plain):
        letters = "".join(run.split())
        for start in range(len(letters) - 1):
            yield PAIR + letters[start : start + 2]


@functools.cache
def _asking() -> frozenset[str]:
    english = _ASKING_EN.split()
    return frozenset([*english, *map(_stem, english), *_ASKING_KO.split()])


@functools.cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


def _stem(word: str) -> str:
    with _stemming:  # the stemmer keeps a state of its own
        return str(_stemmer().stemWord(word))
