"""The quality sets hold what their README says; a measurement on a broken set would mean nothing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import pytest

from mactuner_core.rag.answer_checks import language_of, plain_letters
from mactuner_core.rag.pairs import copied
from tests.core.rag.quality.quality_set import ENGLISH_KINDS, KOREAN_KINDS, passages, questions

SETS = pytest.mark.parametrize("prefix", ["", "english_"])
NOUN_ENDINGS = re.compile(r"(요|까|죠|여|나|니|다)[?.]?$")


@SETS
def test_ids_are_unique_and_every_source_is_there(prefix: str) -> None:
    ids = [passage.id for passage in passages(prefix)]
    assert len(set(ids)) == len(ids)
    assert all(question.sources and set(question.sources) <= set(ids) for question in questions(prefix))


@SETS
def test_every_passage_is_asked_about(prefix: str) -> None:
    asked = Counter(source for question in questions(prefix) for source in question.sources)
    assert min(asked[passage.id] for passage in passages(prefix)) >= (2 if prefix else 3)


def test_the_sets_are_as_large_as_promised() -> None:
    assert len(passages()) >= 110 and len(questions()) >= 330
    assert len(passages("english_")) >= 30 and len(questions("english_")) >= 60
    kinds = Counter(question.kind for question in questions())
    assert set(kinds) == set(KOREAN_KINDS) and min(kinds.values()) >= 45
    kinds = Counter(question.kind for question in questions("english_"))
    assert set(kinds) == set(ENGLISH_KINDS) and min(kinds.values()) >= 10


@SETS
def test_nothing_is_there_twice(prefix: str) -> None:
    asked = Counter(plain_letters(question.question) for question in questions(prefix))
    assert [question for question, times in asked.items() if times > 1] == []
    for field in ("title", "text"):
        assert max(Counter(plain_letters(getattr(one, field)) for one in passages(prefix)).values()) == 1


@SETS
def test_texts_are_clean(prefix: str) -> None:
    texts = [text for one in passages(prefix) for text in (one.id, one.title, one.topic, one.text)]
    texts += [question.question for question in questions(prefix)]
    for text in texts:
        assert text and text == unicodedata.normalize("NFC", text).strip() and "  " not in text, text
        assert not re.search(r"[ㄱ-ㅎㅏ-ㅣ�]", text), text  # a single jamo is a slip of ours, not of a person asking


@SETS
def test_passages_have_two_to_six_sentences(prefix: str) -> None:
    for passage in passages(prefix):
        assert 2 <= len(re.findall(r"[.!?](?:\s|$)", passage.text)) <= 6, passage.id


@SETS
def test_no_question_copies_its_passage(prefix: str) -> None:
    texts = {passage.id: passage.text for passage in passages(prefix)}
    for question in questions(prefix):
        if question.kind == "noun":
            continue  # a bare term may well stand in the passage
        for source in question.sources:
            letters = plain_letters(question.question)
            assert letters not in plain_letters(texts[source])
            assert len(copied(question.question, texts[source])) < 0.75 * len(letters), question.question


def test_the_kinds_are_what_their_names_say() -> None:
    for question in questions():
        if question.kind == "mixed":
            assert re.search(r"[A-Za-z]{2}", question.question) and language_of(question.question) == "ko"
        if question.kind == "noun":
            assert not NOUN_ENDINGS.search(question.question), question.question
            assert len(question.question.split()) <= 6
    for question in questions("english_"):
        assert language_of(question.question) == "latin"


def test_spaced_questions_are_spaced_unlike_the_passage() -> None:
    """At least one word of each cannot be found in its passage as it is written there."""
    texts = {passage.id: f"{passage.title} {passage.text}" for passage in passages()}
    for question in (question for question in questions() if question.kind == "spaced"):
        known = set(re.split(r"[^\w]+", texts[question.sources[0]]))
        words = re.split(r"[^\w]+", question.question.strip("?"))
        assert any(word not in known for word in words), question.question
