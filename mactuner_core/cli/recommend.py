"""`mactuner recommend`: settings for a model and a dataset, why each, what may go wrong, and what they need."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.errors import ConfigError, SettingProblem
from mactuner_core.format import human_bytes, human_duration
from mactuner_core.hardware import detect
from mactuner_core.messages import current_language, text
from mactuner_core.training.base import base_of
from mactuner_core.training.config import Method
from mactuner_core.training.presets import PRESETS, Preset
from mactuner_core.training.recommend import Recommendation, recommend
from mactuner_core.training.speed import known_speed
from mactuner_core.workspace import open_workspace

METHODS: tuple[Method, ...] = ("full", "lora", "qlora")


def recommend_settings(
    model: Annotated[str, typer.Option(help="ID | RUN | RUN@STEP")],
    dataset: Annotated[str, typer.Option(help="NAME | NAME@VERSION")],
    method: Annotated[str | None, typer.Option(help="|".join(METHODS))] = None,
    preset: Annotated[str | None, typer.Option(help="|".join(PRESETS))] = None,
    json: JsonOption = False,
) -> None:
    chosen, machine = _choice("method", method, METHODS), _choice("preset", preset, PRESETS)
    catalog = open_catalog(open_workspace())
    base, version = base_of(catalog, model), catalog.dataset(dataset)
    speed = known_speed(catalog, detect())
    found = recommend(base.model, version, method=chosen, preset=machine, speed=speed)
    if json:
        emit_json(as_dict(found, model, machine))
    else:
        _show(found)


def as_dict(found: Recommendation, model: str, preset: Preset | None) -> dict[str, Any]:
    """Return a recommendation as JSON-ready data; `memory_bytes` is the peak, `seconds` None when the speed is unknown."""
    needs = found.estimate
    return {
        "config": found.config.model_dump(mode="json") | {"model": model},
        "reasons": {name: reason.as_dict() for name, reason in found.reasons.items()},
        "warnings": [warning.as_dict() for warning in found.warnings],
        "preset": preset,
        "memory_bytes": needs.memory.total,
        "memory": needs.memory.as_dict(),
        "room_bytes": needs.room,
        "fits": needs.fits,
        "tokens": needs.tokens,
        "steps": needs.steps,
        "seconds": None if needs.seconds is None else round(needs.seconds, 1),
        "lengths_from": needs.lengths,
        "seconds_from": needs.speed.source if needs.speed else None,
    }


def _choice(name: str, value: str | None, allowed: tuple[Any, ...]) -> Any:
    if value is None or value in allowed:
        return value
    values: dict[str, object] = {"name": name, "value": value, "allowed": ", ".join(allowed)}
    raise ConfigError([SettingProblem("config.not_a_choice", values)])


def _show(found: Recommendation) -> None:
    rows = [(name, str(getattr(found.config, name)), reason.text()) for name, reason in found.reasons.items()]
    show_table(["cli.setting", "cli.value", "cli.reason"], rows)
    needs = found.estimate
    size, room = human_bytes(needs.memory.total), human_bytes(needs.room)
    show(text("cli.needs_memory" if needs.fits else "cli.needs_too_much", size=size, room=room))
    parts = {name: human_bytes(count) for name, count in needs.memory.as_dict().items()}
    show("  " + " · ".join(f"{text(f'training_plan.part_{name}')} {count}" for name, count in parts.items()))
    if needs.seconds is not None and needs.speed:
        show(text("cli.needs_time", time=human_duration(needs.seconds, current_language()), steps=f"{needs.steps:,}"))
    for warning in found.warnings:
        show(f"! {warning.text()}")
