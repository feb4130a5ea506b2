"""Leaving out the rows that break a rule, on the way from file to dataset version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from mactuner_core.data.rows import Example, Rejected
from mactuner_core.data.rules.check import checks_of, failures_of
from mactuner_core.data.rules.kept import CountTokens
from mactuner_core.data.rules.ruleset import RuleSet


def keep_passing(
    rows: Iterable[Example], rules: RuleSet, tokenizer_path: Path | None, broken: Counter[str]
) -> Iterator[Example | Rejected]:
    """Yield the rows that pass, and each other one as Rejected with what it breaks first.

    `broken` counts by name the rules that rows break: a row that breaks two counts for both. Raises InputError when rules
    count tokens and there is no tokenizer.
    """
    checks = checks_of(rules, token_counter(tokenizer_path) if rules.needs_tokenizer else None)
    broken.update(dict.fromkeys(checks, 0))
    for row in rows:
        failures = failures_of(row, checks)
        broken.update({failure.rule for failure in failures})
        yield Rejected(row.line, failures[0].broken.code, failures[0].broken.values) if failures else row


def token_counter(folder: Path | None) -> CountTokens | None:
    """Return what counts tokens with the tokenizer in a model's folder; raises InputError when there is none in it."""
    if folder is None:
        return None
    from mactuner_core.data.statistics.tokens import load_tokenizer

    tokenizer = load_tokenizer(folder)
    return lambda content: len(tokenizer.encode(content, add_special_tokens=False).ids)
