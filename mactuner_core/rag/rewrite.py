"""Questions that follow on earlier ones, made searchable: "그럼 언제까지예요?" says nothing without what was asked before.

Only what is searched for changes; the question that the model gets stays as it was asked. No model is needed: words of the
question before are added when the question points back or has hardly a topic of its own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from mactuner_core.rag.korean import analyser, has_hangul

_SHORT = 3  # words; a question of so few with one topic, such as "보증금은요?", leans on the one before
_MOST_ADDED = 12
_MOST_BACK = 3
_MOST_READ = 4000  # signs of a question; some paste a whole letter
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+")
_TOPIC_TAGS = ("NNG", "NNP", "SL", "SH", "SN", "XR")
_POINTING_KO = re.compile(r"[그이저](것|거|건|게|런|때|분|곳|쪽|렇|러면|럼|런데)|[그이]|거기|여기|그리고|또")
_POINTING_TAGS = ("NP", "MM", "MAJ", "MAG", "VA", "VA-I")
_POINTING_EN = """it its they them their theirs this that these those there then he she him her his one ones same such
former latter above also too"""
_FOLLOWING_EN = re.compile(r"\s*(and|but|or|so|what about|how about|anything else)\b", re.IGNORECASE)
_PLAIN_EN = """a an the of in on at to for from by with about into over under and or but not no if so as than i you we my
your our me us is are was were be been am do does did can could should would will may must have has had what when where who
whom whose which why how much many long often there any some all please tell say show explain know want need get give let
just more most very"""
_PLAIN_KO = {"경우", "때", "것", "점", "수", "뒤", "다음", "질문", "답", "설명", "말", "얼마", "밖", "가능"}


def search_text(question: str, earlier: Sequence[str]) -> str:
    """Return what to search for: the question, with the topics of `earlier` questions (oldest first) where it leans on them."""
    if not earlier or not leans(question):
        return question
    known = {word.casefold() for word in topics(question)}
    added: list[str] = []
    for before in list(reversed(earlier))[:_MOST_BACK]:
        found = topics(before)
        for word in found:
            if word.casefold() not in known:
                known.add(word.casefold())
                added.append(word)
        if found and not leans(before):
            break
    return " ".join([question, *added[:_MOST_ADDED]])


def topics(text: str) -> list[str]:
    """Return the words that say what a text is about, in their order: nouns and numbers in Korean, no function words in English."""
    found = []
    for word, tag in _morphemes(text):
        if tag == "SL":
            if word.casefold() not in _words(_PLAIN_EN) | _words(_POINTING_EN):
                found.append(word)
        elif tag in _TOPIC_TAGS and word not in _PLAIN_KO:
            found.append(word)
    return list(dict.fromkeys(found))


def leans(question: str) -> bool:
    """Tell whether a question needs the one before to be understood: it points back, or says hardly what it is about."""
    count = len(topics(question)) + sum(tag.startswith("VV") and len(form) > 1 for form, tag in _morphemes(question))
    return count == 0 or (count == 1 and len(question.split()) <= _SHORT) or points_back(question)


def points_back(question: str) -> bool:
    """Tell whether a question points to something said before: 그것, 거기, 그럼; it, that, what about …"""
    said = {word.casefold() for word in _WORD.findall(question)}
    if said & _words(_POINTING_EN) or _FOLLOWING_EN.match(question):
        return True
    return any(tag in _POINTING_TAGS and _POINTING_KO.fullmatch(form) for form, tag in _morphemes(question))


@functools.cache
def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


def _morphemes(text: str) -> list[tuple[str, str]]:
    """Return the parts of speech of a text, (form, tag); one without Korean is split into words and numbers."""
    text = text[:_MOST_READ]
    if has_hangul(text):
        return [(token.form, token.tag) for token in analyser().tokenize(text)]
    return [(word, "SL" if word[0].isalpha() else "SN") for word in _WORD.findall(text)]
