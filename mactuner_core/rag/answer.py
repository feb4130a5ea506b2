"""Answers that rest on sources: the messages that make a model answer from them, and say so when they hold no answer.

`pack` and `cited` belong to it and stand in files of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mactuner_core.messages import text
from mactuner_core.rag.answer_checks import language_of
from mactuner_core.rag.citations import Citation, cited, quote_for, unknown_numbers
from mactuner_core.rag.packing import Packed, Part, Source, pack

__all__ = [
    "Citation",
    "Packed",
    "Part",
    "Source",
    "answer_language",
    "cited",
    "instructions",
    "pack",
    "quote_for",
    "unknown_numbers",
    "with_sources",
]


def answer_language(question: str) -> str:
    """Return the language of the instructions for a question: Korean for a Korean one, else English."""
    return "ko" if language_of(question) == "ko" else "en"


def instructions(packed: Packed, language: str) -> str:
    """Return what the model is told, with the sources; without sources, that the documents hold no answer."""
    if not packed.sources:
        return text("rag_answer.no_sources", language)
    return text("rag_answer.with_sources", language, last=len(packed.sources), sources=packed.text)


def with_sources(
    messages: Sequence[Mapping[str, Any]], packed: Packed, language: str, *, takes_system: bool = True
) -> list[dict[str, Any]]:
    """Return the messages with the instructions and sources added; nothing of theirs is changed or lost.

    They go behind the client's own system message, into a new one where there is none, or, for a chat template that takes
    no system message, before the text of the last question. Messages hold text; at least one is the user's.
    """
    told = instructions(packed, language)
    made = [dict(message) for message in messages]
    if takes_system and made[0].get("role") == "system":
        made[0]["content"] = f"{made[0].get('content') or ''}\n\n{told}".lstrip()
    elif takes_system:
        made.insert(0, {"role": "system", "content": told})
    else:
        last = max(place for place, message in enumerate(made) if message.get("role") == "user")
        made[last]["content"] = f"{told}\n\n{made[last].get('content') or ''}"
    return made
