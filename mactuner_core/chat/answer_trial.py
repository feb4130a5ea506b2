"""Trying out how well a model answers from documents: questions are asked, and each answer is held against its sources.

Not covered: whether an answer is true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mactuner_core.chat.ask_documents import DocumentsAnswer
from mactuner_core.errors import MacTunerError
from mactuner_core.rag.answer_checks import AnswerCheck
from mactuner_core.rag.answer_findings import problems_of

FIRST_QUESTIONS = 20  # answers take seconds each, and fewer tell little


@dataclass(frozen=True)
class TriedAnswer:
    """A question with its answer and the check of it, or with the problem for which there is none."""

    question: str
    answer: str = ""
    seconds: float = 0.0
    check: AnswerCheck | None = None
    problem: MacTunerError | None = None

    @property
    def passed(self) -> bool:
        """Whether there is an answer and nothing is wrong with it."""
        return self.check is not None and self.check.passed

    def reasons(self, language: str | None = None) -> list[str]:
        """Return in words why it did not pass."""
        if self.check is None:
            return [self.problem.text(language)] if self.problem else []
        return [found.text(language) for found in problems_of(self.check)]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "question": self.question,
            "answer": self.answer,
            "seconds": round(self.seconds, 3),
            "check": self.check.as_dict() if self.check else None,
            "error": self.problem.as_dict() if self.problem else None,
            "reasons": self.reasons(),
        }


@dataclass(frozen=True)
class Share:
    """How many of the answers in which something can be looked at are good in it."""

    count: int
    of: int

    def __str__(self) -> str:
        return f"{self.count / self.of:.0%} ({self.count}/{self.of})" if self.of else "–"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; `share` is None when there was nothing to look at."""
        return {"count": self.count, "of": self.of, "share": round(self.count / self.of, 4) if self.of else None}


def try_answers(questions: Iterable[str], ask: Callable[[str], DocumentsAnswer]) -> Iterator[TriedAnswer]:
    """Ask one question after another and yield each with its answer; what goes wrong with one does not end it."""
    for question in questions:
        try:
            found = ask(question)
        except MacTunerError as problem:
            yield TriedAnswer(question, problem=problem)
            continue
        yield TriedAnswer(question, found.text, found.seconds, found.check(question))


def shares_of(tried: Sequence[TriedAnswer]) -> dict[str, Share]:
    """Return how many answers cite, cite numbers that exist, quote what stands there, fit the language, and pass all."""
    checks = [one.check for one in tried if one.check]
    return {
        "cites": _share(bool(check.cited) for check in checks if check.given),
        "numbers_exist": _share(not check.unknown for check in checks if check.cited),
        "quotes_stand": _share(all(quote.stands for quote in check.quotes) for check in checks if check.quotes),
        "same_language": _share(check.same_language for check in checks if check.same_language is not None),
        "passed": _share(check.passed for check in checks),
    }


def trial_as_dict(tried: Sequence[TriedAnswer]) -> dict[str, Any]:
    """Return a trial as JSON-ready data: counts, shares, and every question."""
    failed = sum(one.problem is not None for one in tried)
    return {
        "asked": len(tried),
        "answered": len(tried) - failed,
        "failed": failed,
        "shares": {name: share.as_dict() for name, share in shares_of(tried).items()},
        "results": [one.as_dict() for one in tried],
    }


def _share(good: Iterable[bool]) -> Share:
    values = list(good)
    return Share(sum(values), len(values))
