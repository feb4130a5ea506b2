"""Every row against every rule: which rows pass, which fail and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mactuner_core.data.rows import Example, Rejected
from mactuner_core.data.rules import kept
from mactuner_core.data.rules.kept import Broken, CountTokens, Messages
from mactuner_core.data.rules.ruleset import RuleSet
from mactuner_core.errors import InputError

READABLE = "readable"  # the rule that a row can be read at all

Check = Callable[[Messages], Iterator[Broken]]


@dataclass(frozen=True)
class Failure:
    """A rule that a row breaks, and how (a message code and its values)."""

    rule: str
    broken: Broken

    def as_dict(self) -> dict[str, object]:
        """Return the rule, the code and the reason in the current language as JSON-ready data."""
        return {"rule": self.rule, "code": self.broken.code, "values": self.broken.values, "reason": self.broken.text()}


@dataclass(frozen=True)
class RowResult:
    """How one row fared; `row` counts from 1, `line` is where it stands in its file or in the `split` of its dataset."""

    row: int
    line: int
    split: str = ""
    failures: list[Failure] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no rule is broken."""
        return not self.failures

    def as_dict(self) -> dict[str, object]:
        """Return the row as JSON-ready data."""
        failures = [failure.as_dict() for failure in self.failures]
        place = {"row": self.row, "line": self.line} | ({"split": self.split} if self.split else {})
        return place | {"passed": self.passed, "failures": failures}


@dataclass(frozen=True)
class RuleReport:
    """The result for every row, in their order; `rules` are the names of all rules that were checked."""

    rules: list[str]
    results: list[RowResult]

    @property
    def failed(self) -> list[RowResult]:
        """The rows that break at least one rule."""
        return [result for result in self.results if not result.passed]

    @property
    def broken(self) -> dict[str, int]:
        """How many rows break each rule, in the order of the rules; rules that all rows keep are there with 0."""
        counts = Counter(rule for result in self.results for rule in {failure.rule for failure in result.failures})
        return {rule: counts[rule] for rule in self.rules}

    def passing(self, examples: Iterable[Example | Rejected]) -> list[Example]:
        """Return the rows that pass, given the rows that were checked, in the same order."""
        pairs = zip(examples, self.results, strict=True)
        return [example for example, result in pairs if result.passed and isinstance(example, Example)]

    def table(self) -> list[dict[str, Any]]:
        """Return one flat line for each row: row, split, line, passed, and True (kept) or False (broken) for each rule."""
        return [
            {"row": result.row, "split": result.split, "line": result.line, "passed": result.passed}
            | {rule: rule not in {failure.rule for failure in result.failures} for rule in self.rules}
            for result in self.results
        ]

    def as_dict(self) -> dict[str, object]:
        """Return the counts, and the failing rows with their reasons, as JSON-ready data."""
        failed = self.failed
        return {
            "rows": len(self.results),
            "passed": len(self.results) - len(failed),
            "failed": len(failed),
            "rules": self.broken,
            "failures": [result.as_dict() for result in failed],
        }


def check(
    rows: Iterable[Example | Rejected],
    rules: RuleSet,
    count_tokens: CountTokens | None = None,
    splits: Mapping[int, str] | None = None,
) -> RuleReport:
    """Return how every row fares; a row that could not be read fails the rule `readable`.

    `count_tokens` is needed by rules about tokens; `splits` names the split that begins at a row. Raises InputError when it is missing, or when a pattern takes too long.
    """
    checks = checks_of(rules, count_tokens)
    results: list[RowResult] = []
    split = ""
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Rejected):
            failures = [Failure(READABLE, Broken(row.code, row.values))]
        else:
            failures = failures_of(row, checks)
        split = (splits or {}).get(number, split)
        results.append(RowResult(number, row.line, split, failures))
    return RuleReport([READABLE, *checks], results)


def failures_of(example: Example, checks: dict[str, Check]) -> list[Failure]:
    """Return everything about one row that breaks a rule."""
    messages = spoken(example)
    return [Failure(name, broken) for name, one in checks.items() for broken in one(messages)]


def checks_of(rules: RuleSet, count_tokens: CountTokens | None = None) -> dict[str, Check]:
    """Return the check of each rule by the rule's name: its own, or its place in the file such as `forbidden[1]`."""
    if rules.needs_tokenizer and count_tokens is None:
        raise InputError("rules.needs_tokenizer")
    found: dict[str, Check] = {"turns": partial(kept.turns_kept, rules.turns)} if rules.turns else {}

    def add(area: str, many: tuple[Any, ...], function: Callable[..., Iterator[Broken]], **more: Any) -> None:
        for number, rule in enumerate(many):
            name = rule.name or (area if len(many) == 1 else f"{area}[{number}]")
            found[name if name not in found else f"{name} ({area}[{number}])"] = partial(_call, function, rule, more)

    add("sections", rules.sections, kept.sections_kept)
    add("forbidden", rules.forbidden, kept.forbidden_kept)
    add("required", rules.required, kept.required_kept)
    add("length", rules.length, kept.length_kept, count_tokens=count_tokens)
    add("language", rules.language, kept.language_kept)
    add("json_answers", rules.json_answers, kept.json_kept)
    return found


def spoken(example: Example) -> Messages:
    """Return what is said in a row: its messages, the chosen side of a pair, or its plain text with the role "text"."""
    if example.messages:
        return list(example.messages)
    if "chosen" in example.other:
        return list(example.other["chosen"])
    return [{"role": "text", "content": str(example.other.get("text", ""))}]


def _call(
    function: Callable[..., Iterator[Broken]], rule: Any, more: dict[str, Any], messages: Messages
) -> Iterator[Broken]:
    return function(rule, messages, **more)
