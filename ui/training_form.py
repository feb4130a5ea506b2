"""The choices of a new run: model, data, machine and method, then the form, filled with what suits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.errors import MacTunerError
from mactuner_core.hardware import Hardware, detect
from mactuner_core.training.base import base_of
from mactuner_core.training.config import Method, TrainingConfig
from mactuner_core.training.config_adapter import AdapterSettings
from mactuner_core.training.presets import PRESETS, Preset, hardware_of
from mactuner_core.training.recommend import Recommendation, recommend
from mactuner_core.training.speed import Speed, known_speed
from ui.errors import show_error
from ui.forms import settings_form
from ui.language import t
from ui.page import App

METHODS: tuple[Method, ...] = ("full", "lora", "qlora")
HERE = "here"


@dataclass(frozen=True)
class Planned:
    """A run that could start: its settings, what was suggested, for which machine, and the speed that is known."""

    config: TrainingConfig
    model: Model
    dataset: DatasetVersion
    suggested: Recommendation
    machine: Hardware
    speed: Speed | None
    preset: Preset | None


def ask_settings(app: App, models: Sequence[Model], datasets: Sequence[DatasetVersion]) -> Planned | None:
    """Draw the choices and the form; None while something is wrong.

    The address may name a model, a run or a checkpoint to start from ("model"), or a run whose settings to take ("like").
    """
    st.subheader(t("training_page.settings"), anchor=False)
    model = _ask_model(app, models)
    dataset = _ask_dataset(app, model, datasets)
    preset = _ask_preset(model)
    speed = known_speed(app.catalog, detect())
    chosen = _ask_method(model, dataset, preset)
    suggested = recommend(model, dataset, method=chosen, preset=preset, speed=speed)
    fields = _like(app) | {"model": model.id, "dataset": dataset.id, "method": suggested.config.method}
    base = suggested.config.model_copy(update={})
    start_values = base.model_dump() | {name: value for name, value in fields.items() if name in base.model_dump()}
    form = settings_form(
        TrainingConfig,
        f"train-{model.id}-{dataset.id}-{chosen}-{preset}",
        values=start_values,
        leave_out=_left_out(chosen, str(start_values["objective"])),
    )
    # What was left as suggested is not "set": some checks are about what a person set.
    changed = {name: value for name, value in form.values.items() if value != getattr(base, name)}
    form.values.clear()
    form.values.update(base.model_dump(exclude_unset=True) | changed)
    config = form.check(TrainingConfig, model=model.id, dataset=dataset.id, method=chosen)
    machine = hardware_of(preset, detect()) if preset else detect()
    known = speed if machine.device == detect().device else None
    return Planned(config, model, dataset, suggested, machine, known, preset) if config else None
