"""Settings from one definition: a Pydantic model whose fields carry label, help, unit, range and default.

The flags of the command line, the forms of the pages, the YAML file that re-runs a job and the validation all come from
that model. Validation collects every problem and raises once.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from mactuner_core.errors import ConfigError, InputError, SettingProblem


def setting(
    default: Any,
    *,
    label: dict[str, str],
    help: dict[str, str],
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    advanced: bool = False,
) -> Any:
    """Return a Pydantic field with its texts in both languages, its unit and its range."""
    extra = {"label": label, "help": help, "unit": unit, "advanced": advanced}
    return Field(default, ge=ge, gt=gt, le=le, lt=lt, description=help["en"], json_schema_extra=extra)  # type: ignore[arg-type]


class Config(BaseModel):
    """Base of all settings: unknown names are refused, values are never changed after the check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _one_word_for_a_list(cls, values: Any) -> Any:
        """Take one string where a list of strings is meant: `model: a.gguf` says the same as `model: [a.gguf]`."""
        if not isinstance(values, dict):
            return values
        lists = {name for name, field in cls.model_fields.items() if get_origin(field.annotation) is list}
        return {name: [value] if name in lists and isinstance(value, str) else value for name, value in values.items()}

    def problems(self) -> list[SettingProblem]:
        """Return what is wrong between fields that are each in range; subclasses say what."""
        return []

    @classmethod
    def check(cls, values: dict[str, Any]) -> Self:
        """Return the settings made of `values`; raises one ConfigError with every problem."""
        try:
            config = cls.model_validate(values)
        except ValidationError as failure:
            found = [_problem(cls, dict(error)) for error in failure.errors()]
            raise ConfigError(found + cls._problems_of_the_rest(values, found)) from failure
        if problems := config.problems():
            raise ConfigError(problems)
        return config

    @classmethod
    def _problems_of_the_rest(cls, values: dict[str, Any], found: list[SettingProblem]) -> list[SettingProblem]:
        """Return what does not fit together among the values that are each in order; the wrong ones count as not given."""
        wrong = {problem.values["name"] for problem in found}
        stand_in = {name: "?" for name in wrong if name in cls.model_fields and cls.model_fields[name].is_required()}
        rest = {name: value for name, value in values.items() if name not in wrong}
        try:
            return cls.model_validate(stand_in | rest).problems()
        except ValidationError:
            return []

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read the settings from a YAML file; raises InputError or ConfigError."""
        return cls.check(read_yaml(path))

    def to_yaml(self) -> str:
        """Return the settings as YAML, in the order of their definition."""
        return yaml.safe_dump(self.model_dump(mode="json"), allow_unicode=True, sort_keys=False)


@dataclass(frozen=True)
class Setting:
    """One field as forms and flags need it; `kind` is int, float, bool or str, `choices` the allowed words if few.

    `many`: the value is a list of that kind.
    """

    name: str
    kind: type
    choices: tuple[str, ...]
    optional: bool
    many: bool
    default: Any
    required: bool
    unit: str
    minimum: float | None
    maximum: float | None
    label: dict[str, str]
    help: dict[str, str]
    advanced: bool


def settings_of(config: type[Config]) -> list[Setting]:
    """Return every field of `config` that was made with `setting`, in order."""
    return [_setting(name, field) for name, field in config.model_fields.items() if field.json_schema_extra]


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; raises InputError when there is none."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InputError("config.no_file", path=path) from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError("config.unreadable", path=path, reason=problem) from problem
    except yaml.YAMLError as problem:
        raise InputError("config.bad_yaml", path=path, reason=" ".join(str(problem).split())) from problem
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InputError("config.not_a_mapping", path=path)
    return {str(key): value for key, value in data.items()}


def _setting(name: str, field: FieldInfo) -> Setting:
    extra: Any = field.json_schema_extra
    limits: dict[str, float] = {}
    for rule in field.metadata:
        for key in ("ge", "gt", "le", "lt"):
            if getattr(rule, key, None) is not None:
                limits[key] = getattr(rule, key)
    many = get_origin(field.annotation) is list
    kind, choices, optional = _kind(get_args(field.annotation)[0] if many else field.annotation)
    return Setting(
        name=name,
        kind=kind,
        choices=choices,
        optional=optional,
        many=many,
        default=None if field.is_required() else field.get_default(call_default_factory=True),
        required=field.is_required(),
        unit=extra["unit"],
        minimum=limits.get("ge", limits.get("gt")),
        maximum=limits.get("le", limits.get("lt")),
        label=extra["label"],
        help=extra["help"],
        advanced=extra["advanced"],
    )


def _kind(annotation: Any) -> tuple[type, tuple[str, ...], bool]:
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        kind, choices, _ = _kind(inner[0])
        return kind, choices, True
    if get_origin(annotation) is Literal:
        return str, tuple(str(choice) for choice in get_args(annotation)), False
    return annotation, (), False


def _problem(config: type[Config], error: dict[str, Any]) -> SettingProblem:
    name = str(error["loc"][0]) if error["loc"] else "?"
    if error["type"] == "extra_forbidden":
        return SettingProblem("config.unknown", {"name": name, "allowed": ", ".join(config.model_fields)})
    if error["type"] == "missing":
        return SettingProblem("config.missing", {"name": name})
    value = error.get("input")
    field = config.model_fields.get(name)
    found = _setting(name, field) if field and field.json_schema_extra else None
    if found and found.choices:
        return SettingProblem(
            "config.not_a_choice", {"name": name, "value": value, "allowed": ", ".join(found.choices)}
        )
    if found and (found.minimum is not None or found.maximum is not None):
        low = "-∞" if found.minimum is None else f"{found.minimum:g}"
        high = "∞" if found.maximum is None else f"{found.maximum:g}"
        values = {"name": name, "value": value, "minimum": low, "maximum": high, "default": found.default}
        return SettingProblem("config.out_of_range", values)
    expected = f"{'list of ' if found.many else ''}{found.kind.__name__}" if found else str(error["msg"])
    return SettingProblem("config.wrong_type", {"name": name, "value": value, "expected": expected})
