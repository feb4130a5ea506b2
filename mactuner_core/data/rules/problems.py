"""What is wrong in a rules file, in the person's language: the field as a path (`forbidden[2].regex`) and its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from mactuner_core.errors import SettingProblem

KINDS = {
    "string": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true/false",
    "tuple": "list",
    "dict": "name: value",
    "model": "name: value",
}


def problems_of(model: type[BaseModel], errors: list[dict[str, Any]]) -> list[SettingProblem]:
    """Return what the errors of Pydantic mean, without the ones that only follow from a deeper one."""
    places = [error["loc"] for error in errors]
    return [
        _problem_of(model, error)
        for error in errors
        if not any(len(place) > len(error["loc"]) and place[: len(error["loc"])] == error["loc"] for place in places)
    ]


def _problem_of(model: type[BaseModel], error: dict[str, Any]) -> SettingProblem:
    name, kind, context = _path(error["loc"]), error["type"], error.get("ctx", {})
    value = repr(error.get("input"))[:200]
    if kind.startswith("rules."):
        return SettingProblem(kind, {"name": name, **context})
    if kind == "extra_forbidden":
        allowed = ", ".join(_model_at(model, error["loc"][:-1]).model_fields)
        return SettingProblem("config.unknown", {"name": name, "allowed": allowed})
    if kind == "missing":
        return SettingProblem("config.missing", {"name": name})
    if kind == "literal_error":
        allowed = context["expected"].replace("'", "").replace(" or ", ", ")
        return SettingProblem("config.not_a_choice", {"name": name, "value": value, "allowed": allowed})
    if limit := next((key for key in ("ge", "le") if key in context), None):
        sign = {"ge": "≥", "le": "≤"}[limit]
        return SettingProblem(
            "rules.out_of_range", {"name": name, "value": value, "limit": f"{sign} {context[limit]:g}"}
        )
    if kind == "too_short":
        return SettingProblem("rules.empty_list", {"name": name})
    expected = KINDS.get(kind.split("_")[0], error["msg"])
    return SettingProblem("config.wrong_type", {"name": name, "value": value, "expected": expected})


def with_lines(problem: SettingProblem, path: Path, tree: yaml.Node | None) -> SettingProblem:
    """Return the problem with the file's name and the line put before its field's name."""
    name = str(problem.values.get("name", ""))
    line = _line(tree, re.findall(r"[^.\[\]]+", name))
    return SettingProblem(problem.code, problem.values | {"name": f"{path.name}:{line} {name}".strip()})


def _path(location: tuple[Any, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).lstrip(".")


def _model_at(model: type[BaseModel], location: tuple[Any, ...]) -> type[BaseModel]:
    for part in location:
        if isinstance(part, str):
            inner = get_args(model.model_fields[part].annotation)
            model = next(one for one in inner if isinstance(one, type) and issubclass(one, BaseModel))
    return model


def _line(node: yaml.Node | None, names: list[str]) -> int:
    """Return the line (from 1) of the deepest part of `names` that the file has."""
    line = 1
    for name in names:
        if isinstance(node, yaml.MappingNode):
            pairs = {str(key.value): (key, value) for key, value in node.value}
            if name in pairs:
                line, node = pairs[name][0].start_mark.line + 1, pairs[name][1]
            elif not name.isdigit():  # the number of a rule that was written without a list stands in no file
                return line
        elif isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
            node = node.value[int(name)]
            line = node.start_mark.line + 1
    return line
