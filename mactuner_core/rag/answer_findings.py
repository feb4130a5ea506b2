"""The check of an answer in words: one short line for each thing that is wrong, or one for what was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

from mactuner_core.messages import text
from mactuner_core.rag.answer_checks import STANDS, AnswerCheck, QuoteCheck

SHOWN = 100  # characters of a quote


@dataclass(frozen=True)
class Finding:
    """Something to say about an answer: `code` names the words, `values` fill them."""

    code: str
    values: dict[str, object] = field(default_factory=dict)

    def text(self, language: str | None = None) -> str:
        """Return the words in `language` ("ko" or "en"), or in the current language."""
        return text(self.code, language, **self.values)


def problems_of(check: AnswerCheck) -> list[Finding]:
    """Return everything that is wrong with an answer; nothing when it passed."""
    if check.empty:
        return [Finding("rag_check.empty")]
    found = []
    if check.given and not check.cited:
        found.append(Finding("rag_check.cites_nothing"))
    if check.unknown:
        found.append(Finding("rag_check.unknown_numbers", {"numbers": ", ".join(f"[{one}]" for one in check.unknown)}))
    found += [_quote(quote) for quote in check.quotes if not quote.stands]
    if check.same_language is False:
        found.append(Finding("rag_check.other_language"))
    return found


def findings_of(check: AnswerCheck) -> list[Finding]:
    """Return everything that is wrong with an answer, or else the one thing to say about a good one."""
    return problems_of(check) or [_good(check)]


def _good(check: AnswerCheck) -> Finding:
    if not check.given:
        return Finding("rag_check.no_sources")
    if not check.quotes:
        return Finding("rag_check.cites", {"cited": len(check.cited)})
    return Finding("rag_check.cites_and_quotes", {"cited": len(check.cited), "quotes": len(check.quotes)})


def _quote(check: QuoteCheck) -> Finding:
    words = " ".join(check.quote.split())
    shown = words if len(words) <= SHOWN else f"{words[:SHOWN]}…"
    if check.share >= STANDS:
        return Finding("rag_check.quote_numbers", {"number": check.source, "quote": shown})
    return Finding("rag_check.quote_missing", {"quote": shown})
