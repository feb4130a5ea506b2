"""The file `rules.yaml`: which rules there are and what each may say. Every problem of a file is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mactuner_core.config import Config, read_yaml
from mactuner_core.data.rules.patterns import pattern_problem
from mactuner_core.data.rules.problems import problems_of, with_lines
from mactuner_core.data.rules.schema import schema_problem
from mactuner_core.data.rules.scripts import Language
from mactuner_core.data.rules.turns import turns_problem
from mactuner_core.errors import ConfigError

Role = Literal["system", "user", "assistant", "tool", "text"]
Which = Literal["every", "first", "last"]


def _problem(code: str, **values: object) -> PydanticCustomError:
    return PydanticCustomError(code, "see the code", values)


class Rule(Config):
    """What all rules about messages share: whose messages are looked at, and which of them."""

    name: str = ""
    roles: tuple[Role, ...] = Field(("assistant",), min_length=1)
    which: Which = "every"


class Sections(Rule):
    """Headings that must stand in this order, each on a line of its own and with text below it.

    `only`: no other line may begin with `prefix`.
    """

    headings: tuple[str, ...] = Field(min_length=1)
    prefix: str = "## "
    only: bool = True

    @field_validator("headings")
    @classmethod
    def _names(cls, headings: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(heading.strip() for heading in headings)
        if len(set(names)) < len(names) or not all(names):
            raise _problem("rules.bad_headings", value=", ".join(names))
        return names


class Expression(Rule):
    """Words (`text`) or a pattern (`regex`) that must or must not stand in a message."""

    text: str = ""
    regex: str = ""
    ignore_case: bool = False

    @field_validator("regex")
    @classmethod
    def _is_pattern(cls, pattern: str) -> str:
        if reason := pattern_problem(pattern):
            raise _problem("rules.bad_regex", value=pattern[:200], reason=reason)
        return pattern

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.text) == bool(self.regex):
            raise _problem("rules.text_or_regex")
        return self


class Length(Rule):
    """How long a message may be; tokens need a tokenizer at the check."""

    min_characters: int | None = Field(None, ge=0)
    max_characters: int | None = Field(None, ge=1)
    min_tokens: int | None = Field(None, ge=0)
    max_tokens: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _limits(self) -> Self:
        pairs = (self.min_characters, self.max_characters), (self.min_tokens, self.max_tokens)
        if all(limit is None for pair in pairs for limit in pair):
            raise _problem("rules.no_limit")
        for low, high in pairs:
            if low is not None and high is not None and low > high:
                raise _problem("rules.min_over_max", low=low, high=high)
        return self


class LanguageShare(Rule):
    """The share (0–1) of a message's letters that must be, or may at most be, in the script of a language."""

    language: Language
    min_share: float = Field(0.0, ge=0, le=1)
    max_share: float = Field(1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.min_share > self.max_share:
            raise _problem("rules.min_over_max", low=self.min_share, high=self.max_share)
        return self


class JsonAnswers(Rule):
    """The message must be one JSON value, and fit `json_schema` (draft 2020-12) when there is one."""

    json_schema: dict[str, Any] = Field(default_factory=dict)

    @field_validator("json_schema")
    @classmethod
    def _is_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if reason := schema_problem(schema):
            raise _problem("rules.bad_schema", reason=reason)
        return schema


class RuleSet(Config):
    """All rules of a file. `turns` is the order of roles, such as `system? (user assistant)+`."""

    name: str = ""
    turns: str = ""
    sections: tuple[Sections, ...] = ()
    forbidden: tuple[Expression, ...] = ()
    required: tuple[Expression, ...] = ()
    length: tuple[Length, ...] = ()
    language: tuple[LanguageShare, ...] = ()
    json_answers: tuple[JsonAnswers, ...] = ()

    @field_validator("sections", "length", "language", "json_answers", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @field_validator("forbidden", "required", mode="before")
    @classmethod
    def _words_or_mappings(cls, value: Any) -> Any:
        many = value if isinstance(value, list | tuple) else [value]
        return [{"text": one} if isinstance(one, str) else one for one in many]

    @field_validator("turns")
    @classmethod
    def _is_order(cls, turns: str) -> str:
        if reason := turns_problem(turns):
            raise _problem("rules.bad_turns", value=turns[:200], reason=reason)
        return turns

    @model_validator(mode="after")
    def _any_rule(self) -> Self:
        areas = [area for area in type(self).model_fields if area != "name"]
        if not any(getattr(self, area) for area in areas):
            raise _problem("rules.none", allowed=", ".join(areas))
        return self

    @property
    def needs_tokenizer(self) -> bool:
        """Whether a rule counts tokens."""
        return any(rule.min_tokens is not None or rule.max_tokens is not None for rule in self.length)

    @classmethod
    def check(cls, values: dict[str, Any]) -> Self:
        """Return the rules made of `values`; raises one ConfigError with every problem, each with its field."""
        try:
            return cls.model_validate(values)
        except ValidationError as failure:
            raise ConfigError(problems_of(cls, [dict(error) for error in failure.errors()])) from failure

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read the rules from a YAML file; raises InputError or ConfigError, whose problems name field and line."""
        try:
            return cls.check(read_yaml(path))
        except ConfigError as failure:
            tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
            raise ConfigError([with_lines(problem, path, tree) for problem in failure.problems]) from failure
