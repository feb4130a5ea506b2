"""Where the server's settings come from: flags first, then MACTUNER_SERVE_* variables, then a YAML file, then defaults."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mactuner_core.config import Setting, read_yaml, settings_of
from mactuner_core.messages import current_language, text
from serving.settings import ServeSettings

_ENVIRONMENT = "MACTUNER_SERVE_"


def settings_from(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> ServeSettings:
    """Return the settings of a command line, the environment and the file that --config or its variable names.

    Raises InputError for a file that cannot be read, ConfigError with every problem; argparse itself ends the program
    for an unknown flag (exit 2) and after --help (exit 0).
    """
    environment = os.environ if environment is None else environment
    flags = {name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None}
    variables = {
        one.name: _read_variable(one, environment[_variable(one.name)])
        for one in settings_of(ServeSettings)
        if _variable(one.name) in environment
    }
    path = flags.pop("config", None) or environment.get(_variable("config"))
    file = read_yaml(Path(path).expanduser()) if path else {}
    return ServeSettings.check({**file, **variables, **flags})


def _variable(name: str) -> str:
    return _ENVIRONMENT + name.upper()


def _read_variable(setting: Setting, value: str) -> str | list[str]:
    """Return a variable's value; one for a list holds its parts separated by commas or line ends."""
    if not setting.many:
        return value
    return [part.strip() for part in re.split(r"[,\n]", value) if part.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving", description=text("serving.description"), epilog=text("serving_operations.more_flags")
    )
    parser.add_argument("--config", metavar="FILE", help=text("serving_operations.config_help"))
    for one in settings_of(ServeSettings):
        flag = "--" + one.name.replace("_", "-")
        metavar = "|".join(one.choices) or (one.unit or one.kind.__name__).upper()
        if one.kind is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=_help(one))
        elif one.many:
            parser.add_argument(flag, action="append", metavar=metavar, help=_help(one))
        else:
            parser.add_argument(flag, metavar=metavar, help=_help(one))
    return parser


def _help(one: Setting) -> str:
    parts = [one.help[current_language()]]
    if one.minimum is not None and one.maximum is not None:
        parts.append(f"[{one.minimum:.0f} – {one.maximum:.0f}{' ' + one.unit if one.unit else ''}]")
    if one.kind is bool:
        parts.append(f"(default: {'on' if one.default else 'off'})")
    elif one.default not in (None, []):
        parts.append(f"(default: {one.default})")
    return " ".join(parts).replace("%", "%%")
