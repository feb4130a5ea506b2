"""A rules file tells all its problems at once, each with its field and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mactuner_core.data.rules.ruleset import RuleSet
from mactuner_core.errors import ConfigError, InputError
from tests.conftest import SAMPLES

WRONG = """\
turns: system user2
sections:
  headings: []
  colour: red
forbidden:
  - 진단
  - regex: "(a"
    roles: [asistant]
  - name: empty
length:
  - min_characters: many
  - {min_characters: 30, max_characters: 3}
  - {}
language: {language: kr, min_share: 2}
required: 12
json_answers:
  json_schema: {type: objekt}
zzz: 1
"""
EXPECTED = [
    ("rules.bad_turns", 1, "turns"),
    ("rules.empty_list", 3, "sections[0].headings"),
    ("config.unknown", 4, "sections[0].colour"),
    ("rules.bad_regex", 7, "forbidden[1].regex"),
    ("config.not_a_choice", 8, "forbidden[1].roles[0]"),
    ("rules.text_or_regex", 9, "forbidden[2]"),
    ("config.wrong_type", 11, "length[0].min_characters"),
    ("rules.min_over_max", 12, "length[1]"),
    ("rules.no_limit", 13, "length[2]"),
    ("config.not_a_choice", 14, "language[0].language"),
    ("rules.out_of_range", 14, "language[0].min_share"),
    ("config.wrong_type", 15, "required[0]"),
    ("rules.bad_schema", 17, "json_answers[0].json_schema"),
    ("config.unknown", 18, "zzz"),
]


def written(folder: Path, content: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_every_problem_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        RuleSet.from_yaml(written(tmp_path, WRONG))
    found = {(problem.code, str(problem.values["name"])) for problem in caught.value.problems}
    assert found == {(code, f"rules.yaml:{line} {name}") for code, line, name in EXPECTED}
    assert "“system? (user" not in caught.value.text("ko")
    assert len(caught.value.text("ko").splitlines()) == len(EXPECTED) + 1


@pytest.mark.parametrize("content", ["", "name: nothing else", "[1, 2]", "a: [", "forbidden: []"])
def test_a_file_without_rules_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError):
        RuleSet.from_yaml(written(tmp_path, content))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no settings file"):
        RuleSet.from_yaml(tmp_path / "none.yaml")


def test_rules_survive_being_written(tmp_path: Path) -> None:
    rules = RuleSet.from_yaml(SAMPLES / "big_five_rules.yaml")
    assert RuleSet.from_yaml(written(tmp_path, rules.to_yaml())) == rules


@pytest.mark.parametrize("turns", ["user (assistant", "user ++", "user & assistant", "사용자", "a{1,9999}"])
def test_broken_orders_of_roles(turns: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RuleSet.check({"turns": turns})
    assert caught.value.problems[0].code == "rules.bad_turns"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": 3},
        {"patternProperties": {"(a+)+$": {}}},
        {"properties": {"x": {"pattern": "("}}},
        {"$ref": "https://example.com/schema.json"},
        {"allOf": [{"items": {"$ref": "file:///etc/passwd"}}]},
    ],
)
def test_schemas_that_cannot_be_used(schema: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        RuleSet.check({"json_answers": {"json_schema": schema}})
    assert caught.value.problems[0].code == "rules.bad_schema"


def test_a_schema_may_use_such_names_for_its_own_fields() -> None:
    schema = {"properties": {"patternProperties": {"type": "string"}, "$ref": {"const": {"pattern": "("}}}}
    assert RuleSet.check({"json_answers": {"json_schema": schema}}).json_answers[0].json_schema == schema
