"""Where instructions and sources go, and that nothing of the client's is lost."""

from __future__ import annotations

from typing import Any

import pytest

from mactuner_core.rag.answer import Packed, Part, Source, answer_language, instructions, with_sources

PACKED = Packed([Source(1, "d", "d", "c", 1, 1, 0.9, (), "x", (Part("c", 1, 1, 0, 1, 0.9),))], "<source>x</source>", 3)
HISTORY: list[dict[str, Any]] = [
    {"role": "user", "content": "first"},
    {"role": "assistant", "content": "answer"},
    {"role": "user", "content": "second"},
]


def test_a_client_s_system_message_stays_in_front() -> None:
    client = [{"role": "system", "content": "Be brief."}, *HISTORY]
    made = with_sources(client, PACKED, "en")
    assert made[0]["content"].startswith("Be brief.\n\n")
    assert PACKED.text in made[0]["content"]
    assert made[1:] == HISTORY
    assert client[0]["content"] == "Be brief."


def test_without_a_system_message_there_is_one() -> None:
    made = with_sources(HISTORY, PACKED, "ko")
    assert made[0] == {"role": "system", "content": instructions(PACKED, "ko")}
    assert made[1:] == HISTORY


def test_a_template_without_system_gets_it_before_the_last_question() -> None:
    made = with_sources([*HISTORY, {"role": "tool", "content": "3"}], PACKED, "en", takes_system=False)
    assert made[:2] == HISTORY[:2]
    assert made[2] == {"role": "user", "content": f"{instructions(PACKED, 'en')}\n\nsecond"}
    assert made[3]["role"] == "tool"


@pytest.mark.parametrize(("language", "word"), [("en", "do not hold the answer"), ("ko", "문서에 답이 없다고")])
def test_without_sources_the_model_is_told_so(language: str, word: str) -> None:
    told = instructions(Packed(), language)
    assert word in told
    assert "<source" not in told


@pytest.mark.parametrize(
    ("question", "language"),
    [("연차는 며칠?", "ko"), ("How many?", "en"), ("MK-200 보증", "ko"), ("Wie viele?", "en"), ("?", "en")],
)
def test_the_language_of_the_instructions(question: str, language: str) -> None:
    assert answer_language(question) == language


def test_braces_in_texts_are_only_text() -> None:
    packed = Packed(PACKED.sources, "{last} {0} {{x}}", 3)
    assert packed.text in instructions(packed, "en")
