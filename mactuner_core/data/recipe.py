"""The recipe of a dataset version: everything that, with the same file, gives the same rows again.

One section a stage, in the order they are done: read, kakaotalk, clean, privacy, rules, split.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import SerializeAsAny

from mactuner_core.config import Config, setting
from mactuner_core.data.cleaning.steps import Step, read_steps
from mactuner_core.data.kakaotalk.recipe import PairRecipe
from mactuner_core.data.privacy import MaskPolicy
from mactuner_core.data.rules.ruleset import RuleSet
from mactuner_core.data.splitting import SplitRecipe
from mactuner_core.errors import ConfigError, SettingProblem


class ReadRecipe(Config):
    """How the rows of a file become examples."""

    question_column: str | None = setting(
        None,
        label={"en": "Question column", "ko": "질문 열"},
        help={
            "en": "Column with the question; found by its name when empty",
            "ko": "질문이 든 열. 비우면 이름으로 찾습니다",
        },
    )
    answer_column: str | None = setting(
        None,
        label={"en": "Answer column", "ko": "답변 열"},
        help={
            "en": "Column with the answer; found by its name when empty",
            "ko": "답변이 든 열. 비우면 이름으로 찾습니다",
        },
    )
    system_prompt: str | None = setting(
        None,
        label={"en": "System prompt", "ko": "시스템 프롬프트 (system prompt)"},
        help={
            "en": "Put before every example that has none of its own",
            "ko": "시스템 프롬프트가 없는 모든 예제 앞에 붙입니다",
        },
    )


class Recipe(Config):
    """The sections; `kakaotalk` is needed for a chat export only, no `privacy` section means no masking.

    Rows that break one of the `rules` are left out.
    """

    read: ReadRecipe = ReadRecipe()
    kakaotalk: PairRecipe | None = None
    clean: tuple[SerializeAsAny[Step], ...] = ()
    privacy: MaskPolicy | None = None
    rules: RuleSet | None = None
    split: SplitRecipe = SplitRecipe()

    @classmethod
    def check(cls, values: dict[str, Any]) -> Self:
        """Return the recipe made of nested `values`; raises one ConfigError naming every problem as `section.name`."""
        sections: dict[str, type[Config]] = {
            "read": ReadRecipe,
            "kakaotalk": PairRecipe,
            "privacy": MaskPolicy,
            "rules": RuleSet,
            "split": SplitRecipe,
        }
        problems: list[SettingProblem] = []
        parts: dict[str, Any] = {}
        for name, value in values.items():
            try:
                if name == "clean":
                    parts[name] = tuple(read_steps(value or []))
                elif name not in sections:
                    allowed = ", ".join(cls.model_fields)
                    problems.append(SettingProblem("config.unknown", {"name": name, "allowed": allowed}))
                elif value is not None:
                    parts[name] = _section(sections[name], name, value)
            except ConfigError as failure:
                problems += failure.problems
        if problems:
            raise ConfigError(problems)
        return cls(**parts)


def _section(config: type[Config], name: str, value: object) -> Config:
    if isinstance(value, config):
        return value
    if not isinstance(value, dict):
        problem = SettingProblem("config.wrong_type", {"name": name, "value": value, "expected": "name: value"})
        raise ConfigError([problem])
    try:
        return config.check(value)
    except ConfigError as failure:
        placed = [
            SettingProblem(problem.code, problem.values | {"name": f"{name}.{problem.values.get('name', '?')}"})
            for problem in failure.problems
        ]
        raise ConfigError(placed) from failure
