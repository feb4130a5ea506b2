"""Flags from settings: one `--name` for each field of a Config, with its unit, range and default in the help."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer
import yaml

from mactuner_core.config import Config, Setting, settings_of
from mactuner_core.errors import ConfigError, SettingProblem
from mactuner_core.messages import current_language

Function = Callable[..., Any]


def with_settings(config: type[Config], skip: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Give a command a flag for each setting of `config`; it gets those that were used as the dict `settings`."""
    settings = [setting for setting in settings_of(config) if setting.name not in skip]

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "settings"]
        flags = [_parameter(setting) for setting in settings]

        @functools.wraps(function)
        def command(**values: Any) -> Any:
            given = {setting.name: values.pop(setting.name) for setting in settings}
            return function(**values, settings={name: value for name, value in given.items() if value is not None})

        command.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *flags]}
        return command

    return decorate


def parse_assignments(assignments: list[str]) -> dict[str, Any]:
    """Return `["key=value", …]` as a dict, values read as YAML; raises ConfigError naming every one that is none."""
    wrong = [one for one in assignments if "=" not in one]
    if wrong:
        raise ConfigError([SettingProblem("config.not_key_value", {"value": one}) for one in wrong])
    pairs = (one.split("=", 1) for one in assignments)
    return {name.strip().replace("-", "_"): _value(value) for name, value in pairs}


def _value(written: str) -> Any:
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError:
        return written
    if isinstance(value, str):  # YAML reads 3e-3 as a word
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _parameter(setting: Setting) -> inspect.Parameter:
    flag = "--" + setting.name.replace("_", "-")
    name = f"{flag}/--no-{flag[2:]}" if setting.kind is bool else flag
    option = typer.Option(name, help=_help(setting), show_default=False)
    kind: Any = setting.kind
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(setting.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _help(setting: Setting) -> str:
    parts = [setting.help[current_language()]]
    if setting.choices:
        parts.append("|".join(setting.choices))
    if setting.minimum is not None or setting.maximum is not None:
        low = "" if setting.minimum is None else f"{setting.minimum:g}"
        high = "" if setting.maximum is None else f"{setting.maximum:g}"
        parts.append(f"{low}..{high}{' ' + setting.unit if setting.unit else ''}")
    elif setting.unit:
        parts.append(setting.unit)
    if setting.default is not None:
        parts.append(f"default {setting.default}")
    return " · ".join(parts)
