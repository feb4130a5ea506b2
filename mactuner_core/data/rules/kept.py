"""Each kind of rule as a function from the messages of a row to what breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mactuner_core.data.rules.patterns import find
from mactuner_core.data.rules.ruleset import Expression, JsonAnswers, LanguageShare, Length, Rule, Sections
from mactuner_core.data.rules.schema import misfit
from mactuner_core.data.rules.scripts import language_share
from mactuner_core.data.rules.turns import turns_fit
from mactuner_core.messages import text

SHOWN_CHARACTERS = 80

Messages = list[dict[str, Any]]
CountTokens = Callable[[str], int]


@dataclass(frozen=True)
class Broken:
    """What breaks a rule: a message code and its values."""

    code: str
    values: dict[str, object]

    def text(self, language: str | None = None) -> str:
        """Return the reason in `language`, or in the current language."""
        return text(self.code, language, **self.values)


def turns_kept(turns: str, messages: Messages) -> Iterator[Broken]:
    """Yield one problem when the roles do not follow each other as `turns` says."""
    roles = [str(message.get("role")) for message in messages]
    if not turns_fit(turns, roles):
        yield Broken("rules.turns", {"found": _short(" ".join(roles)) or "–", "wanted": turns})


def sections_kept(rule: Sections, messages: Messages) -> Iterator[Broken]:
    """Yield every heading that is missing, double, without text, out of order, or not among the known ones."""
    for number, content in _chosen(rule, messages) or _none(rule):
        if content is None:
            yield _no_message(rule)
            return
        lines = [line.rstrip() for line in content.split("\n")]
        wanted = {f"{rule.prefix}{heading}".rstrip(): heading for heading in rule.headings}
        found = [(row, wanted[line]) for row, line in enumerate(lines) if line in wanted]
        yield from _headings_problems(rule, number, lines, found)
        if rule.only and rule.prefix.strip():
            for line in lines:
                if line.startswith(rule.prefix) and line not in wanted:
                    yield Broken("rules.section_unknown", {"number": number, "heading": _short(line)})


def _headings_problems(rule: Sections, number: int, lines: list[str], found: list[tuple[int, str]]) -> Iterator[Broken]:
    names = [heading for _, heading in found]
    for heading in rule.headings:
        if heading not in names:
            line = f"{rule.prefix}{heading}"
            yield Broken("rules.section_missing", {"number": number, "heading": heading, "line": line})
        elif names.count(heading) > 1:
            yield Broken("rules.section_twice", {"number": number, "heading": heading, "count": names.count(heading)})
    once = list(dict.fromkeys(names))
    order = [heading for heading in rule.headings if heading in once]
    if once != order:
        yield Broken("rules.section_order", {"number": number, "found": ", ".join(once), "wanted": ", ".join(order)})
    ends = [row for row, _ in found[1:]] + [len(lines)]
    for (row, heading), end in zip(found, ends, strict=False):  # one end too many when nothing was found
        if not any(line.strip() for line in lines[row + 1 : end]):
            yield Broken("rules.section_empty", {"number": number, "heading": heading})


def forbidden_kept(rule: Expression, messages: Messages) -> Iterator[Broken]:
    """Yield each message that holds the expression."""
    for number, content in _chosen(rule, messages):
        if (found := _find(rule, content)) is not None:
            yield Broken("rules.forbidden", {"number": number, "found": _short(found)})


def required_kept(rule: Expression, messages: Messages) -> Iterator[Broken]:
    """Yield each message that does not hold the expression."""
    for number, content in _chosen(rule, messages) or _none(rule):
        if content is None:
            yield _no_message(rule)
        elif _find(rule, content) is None:
            yield Broken("rules.required", {"number": number, "wanted": _short(rule.text or rule.regex)})


def length_kept(rule: Length, messages: Messages, count_tokens: CountTokens | None) -> Iterator[Broken]:
    """Yield each message that is too short or too long, in characters or in tokens."""
    for number, content in _chosen(rule, messages):
        for unit, low, high, count in (
            ("characters", rule.min_characters, rule.max_characters, len),
            ("tokens", rule.min_tokens, rule.max_tokens, count_tokens),
        ):
            if count is None or (low is None and high is None):
                continue
            found = count(content)
            if low is not None and found < low:
                yield Broken(f"rules.too_few_{unit}", {"number": number, "found": found, "limit": low})
            if high is not None and found > high:
                yield Broken(f"rules.too_many_{unit}", {"number": number, "found": found, "limit": high})


def language_kept(rule: LanguageShare, messages: Messages) -> Iterator[Broken]:
    """Yield each message with too little or too much of a script; a message without letters breaks nothing."""
    for number, content in _chosen(rule, messages):
        share = language_share(content, rule.language)
        if share is None:
            continue
        values: dict[str, object] = {"number": number, "script": rule.language, "share": f"{share:.1%}"}
        if share < rule.min_share:
            yield Broken("rules.language_too_little", values | {"limit": f"{rule.min_share:.1%}"})
        if share > rule.max_share:
            yield Broken("rules.language_too_much", values | {"limit": f"{rule.max_share:.1%}"})


def json_kept(rule: JsonAnswers, messages: Messages) -> Iterator[Broken]:
    """Yield each message that is no JSON, or whose JSON does not fit the schema."""
    for number, content in _chosen(rule, messages) or _none(rule):
        if content is None:
            yield _no_message(rule)
            return
        try:
            value = json.loads(content, parse_constant=_refuse)
        except (ValueError, RecursionError) as problem:
            yield Broken("rules.bad_json", {"number": number, "reason": str(problem)})
            continue
        if reason := misfit(value, rule.json_schema):
            yield Broken("rules.json_misfit", {"number": number, "reason": reason})


def _chosen(rule: Rule, messages: Messages) -> list[tuple[int, str]]:
    """Return number (from 1) and content of the messages the rule looks at."""
    found = [
        (number, str(message.get("content") or ""))
        for number, message in enumerate(messages, start=1)
        if message.get("role") in rule.roles
    ]
    return {"every": found, "first": found[:1], "last": found[-1:]}[rule.which]


def _none(rule: Rule) -> list[tuple[int, None]]:
    return [(0, None)]


def _no_message(rule: Rule) -> Broken:
    return Broken("rules.no_message", {"roles": ", ".join(rule.roles)})


def _find(rule: Expression, content: str) -> str | None:
    if rule.regex:
        return find(rule.regex, content, ignore_case=rule.ignore_case)
    if rule.ignore_case:
        return rule.text if rule.text.casefold() in content.casefold() else None
    return rule.text if rule.text in content else None


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are Python's own, not JSON


def _short(content: str) -> str:
    line = " ".join(content.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"
