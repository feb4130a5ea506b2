"""How close answers are to references: exact match and chrF, base model beside tuned model.

chrF compares character n-grams, which suits Korean: no word splitting is needed. Source: Popović, "chrF" (2015), as
computed by sacrebleu. Does not ask any model.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Scores:
    """Scores of a list of answers: `exact` of `total` are equal, `chrf` is from 0 to 100."""

    exact: int
    total: int
    chrf: float

    def as_dict(self) -> dict[str, float]:
        """Return them as JSON-ready data."""
        return asdict(self)


def is_exact(answer: str, reference: str) -> bool:
    """Tell whether two texts are equal but for Unicode form and the white space around and between words."""
    return _plain(answer) == _plain(reference)


def score(answers: Sequence[str], references: Sequence[str]) -> Scores:
    """Return the scores of `answers`, one for each reference; raises ValueError when the lengths differ."""
    if len(answers) != len(references):
        raise ValueError(f"{len(answers)} answers for {len(references)} references")
    if not references:
        return Scores(0, 0, 0.0)
    from sacrebleu.metrics import CHRF

    chrf = CHRF().corpus_score(list(answers), [list(references)]).score
    exact = sum(is_exact(answer, reference) for answer, reference in zip(answers, references, strict=True))
    return Scores(exact, len(references), round(float(chrf), 2))


def compare(base: Sequence[str], tuned: Sequence[str], references: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the scores of the base model's and of the tuned model's answers to the same questions."""
    return {"base": score(base, references).as_dict(), "tuned": score(tuned, references).as_dict()}


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
