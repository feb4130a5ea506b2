"""The quality sets as data: passages, and questions whose sources are the ids of passages."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.rag.evaluate import Question

HERE = Path(__file__).parent
KOREAN_KINDS = ("inflected", "spaced", "misspelt", "paraphrase", "noun", "mixed")
ENGLISH_KINDS = ("inflected", "paraphrase", "noun", "misspelt")


@dataclass(frozen=True)
class Passage:
    """One passage; `topic` groups those that share their vocabulary."""

    id: str
    title: str
    topic: str
    text: str


@functools.cache
def passages(prefix: str = "") -> list[Passage]:
    """Return the Korean passages, or with the prefix "english_" the English ones."""
    lines = (HERE / f"{prefix}passages.jsonl").read_text(encoding="utf-8").splitlines()
    return [Passage(**json.loads(line)) for line in lines]


@functools.cache
def questions(prefix: str = "") -> list[Question[str]]:
    """Return the questions about `passages(prefix)`."""
    lines = (HERE / f"{prefix}questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Question(row["question"], tuple(row["passages"]), row["kind"]) for row in rows]
