"""All cleaning steps as one type, and their way from and to a recipe: `{"step": "repeated_characters", "keep": 2}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, get_args

from pydantic import Field

from mactuner_core.data.cleaning.row_steps import (
    ExactDuplicates,
    Language,
    MissingValues,
    NearDuplicates,
    RowStep,
    TokenLength,
)
from mactuner_core.data.cleaning.text_steps import (
    Html,
    LowerCase,
    RepeatedCharacters,
    SpecialCharacters,
    TextStep,
    Unicode,
    Whitespace,
)
from mactuner_core.errors import ConfigError, SettingProblem
from mactuner_core.messages import text

Step = Annotated[
    Unicode
    | SpecialCharacters
    | Html
    | RepeatedCharacters
    | Whitespace
    | LowerCase
    | MissingValues
    | ExactDuplicates
    | NearDuplicates
    | TokenLength
    | Language,
    Field(discriminator="step"),
]

STEPS: dict[str, type[TextStep | RowStep]] = {  # in the order in which they are best applied
    str(get_args(cls.model_fields["step"].annotation)[0]): cls for cls in get_args(get_args(Step)[0])
}


def read_steps(values: object) -> list[Step]:
    """Return the steps of a recipe's list; raises one ConfigError with every problem, named `clean[2].keep`."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ConfigError([SettingProblem("cleaning.not_a_list", {"name": "clean", "value": values})])
    steps: list[Step] = []
    problems: list[SettingProblem] = []
    for number, value in enumerate(values, start=1):
        place = f"clean[{number}]"
        if isinstance(value, TextStep | RowStep):
            value = value.model_dump()
        cls = STEPS.get(str(value.get("step"))) if isinstance(value, dict) else None
        if cls is None:
            found = value.get("step") if isinstance(value, dict) else value
            allowed = ", ".join(STEPS)
            problems.append(
                SettingProblem("cleaning.unknown_step", {"name": place, "value": found, "allowed": allowed})
            )
            continue
        try:
            steps.append(cls.check(value))
        except ConfigError as failure:
            problems += [_placed(problem, place) for problem in failure.problems]
    if problems:
        raise ConfigError(problems)
    return steps


def check_steps(steps: Sequence[Step]) -> None:
    """Raise one ConfigError with what is wrong between the fields of any step."""
    found = [
        _placed(problem, f"clean[{number}]")
        for number, step in enumerate(steps, start=1)
        for problem in step.problems()
    ]
    if found:
        raise ConfigError(found)


def title(step: Step, language: str | None = None) -> str:
    """Return what a step is called, for people."""
    return text(f"cleaning.step_{step.step}", language)


def _placed(problem: SettingProblem, place: str) -> SettingProblem:
    return SettingProblem(problem.code, problem.values | {"name": f"{place}.{problem.values['name']}"})
