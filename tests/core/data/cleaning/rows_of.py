"""Examples for the tests of cleaning: hand-written ones, and the messy sample as it stands in its file."""

from __future__ import annotations

import csv
from pathlib import Path

from mactuner_core.data.rows import Example

MESSY = Path(__file__).parents[4] / "samples" / "civil_law_qa_messy.csv"


def pair(question: str, answer: str, line: int = 1, system: str = "") -> Example:
    """Return an example of a question and its answer."""
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return Example(line, messages)


def answers(*texts: str) -> list[Example]:
    """Return one example for each answer, with a question of its own, numbered from line 1."""
    return [pair(f"질문 {number}", text, number) for number, text in enumerate(texts, start=1)]


def messy_rows() -> list[Example]:
    """Return every row with two cells of the messy sample, empty ones too, as it stands there."""
    with MESSY.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [pair(row[0], row[1], line) for line, row in enumerate(rows, start=2) if len(row) == 2]


def said(example: Example) -> list[str]:
    """Return the contents of the messages."""
    return [message["content"] for message in example.messages]
