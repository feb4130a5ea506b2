"""Settings: every problem at once, each with its range."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from mactuner_core.config import Config, setting, settings_of
from mactuner_core.errors import ConfigError, InputError, SettingProblem

BOTH = {"en": "Words", "ko": "말"}


class Small(Config):
    rate: float = setting(0.1, ge=0.0, le=1.0, label=BOTH, help=BOTH, unit="share")
    count: int = setting(4, ge=1, le=32, label=BOTH, help=BOTH)
    method: Literal["full", "lora"] = setting("lora", label=BOTH, help=BOTH)
    name: str | None = setting(None, label=BOTH, help=BOTH, advanced=True)
    tags: list[str] = setting([], label=BOTH, help=BOTH)

    def problems(self) -> list[SettingProblem]:
        if self.method == "full" and self.rate == 0:
            return [SettingProblem("config.missing", {"name": "rate"})]
        return []


def test_all_problems_come_at_once_with_value_and_range() -> None:
    with pytest.raises(ConfigError) as caught:
        Small.check({"rate": 7, "count": "many", "method": "magic", "colour": 1})
    message = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "rate = 7" in message and "from 0 to 1" in message
    assert "count = many" in message and "from 1 to 32" in message
    assert "method = magic" in message and "full, lora" in message
    assert "colour" in message


def test_problems_between_settings_are_found() -> None:
    with pytest.raises(ConfigError):
        Small.check({"method": "full", "rate": 0})


def test_yaml_there_and_back(tmp_path: Path) -> None:
    config = Small.check({"rate": 0.25, "name": "한글"})
    (tmp_path / "c.yaml").write_text(config.to_yaml(), encoding="utf-8")
    assert Small.from_yaml(tmp_path / "c.yaml") == config


@pytest.mark.parametrize(("content", "expected"), [("a: [", "YAML"), ("- a\n- b\n", "name: value")])
def test_bad_yaml_is_explained(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(InputError, match=expected):
        Small.from_yaml(tmp_path / "c.yaml")


def test_forms_and_flags_see_the_definition() -> None:
    rate, count, method, name, tags = settings_of(Small)
    assert (rate.minimum, rate.maximum, rate.unit, rate.default) == (0.0, 1.0, "share", 0.1)
    assert count.kind is int
    assert method.choices == ("full", "lora")
    assert name.optional and name.advanced and name.kind is str
    assert tags.many and tags.kind is str and tags.default == [] and not name.many


def test_one_string_is_a_list_of_one(tmp_path: Path) -> None:
    assert Small.check({"tags": "a b"}).tags == ["a b"]
    assert Small.check({"tags": ["a", "b"]}).tags == ["a", "b"]
    (tmp_path / "c.yaml").write_text("tags: one\n", encoding="utf-8")
    assert Small.from_yaml(tmp_path / "c.yaml").tags == ["one"]
    with pytest.raises(ConfigError, match="tags = 5 has the wrong kind: expected list of str"):
        Small.check({"tags": 5})


def test_an_error_survives_the_way_between_processes() -> None:
    from mactuner_core.errors import error_from_dict

    with pytest.raises(ConfigError) as caught:
        Small.check({"rate": 7})
    assert error_from_dict(caught.value.as_dict()).text("ko") == caught.value.text("ko")
