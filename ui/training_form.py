"""The choices of a new run: model, data, machine and method, then the form, filled with what suits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
CHOSEN_APART = ("model", "dataset", "method")


@dataclass(frozen=True)
class Planned:
    """A run that could start: its settings, what was suggested, for which machine, and the speed where it is known."""

    config: TrainingConfig
    model: Model
    dataset: DatasetVersion
    suggested: Recommendation
    machine: Hardware
    speed: Speed | None


def ask_settings(app: App, models: Sequence[Model], datasets: Sequence[DatasetVersion]) -> Planned | None:
    """Draw the choices and the form; None while something is wrong.

    The address may name a model, a run or a checkpoint to start from ("model"), or a run whose settings to take ("like").
    """
    st.subheader(t("training_page.settings"), anchor=False)
    like = _settings_like(app)
    model = _ask_model(app, models, like)
    dataset = _ask_dataset(app, model, datasets, like)
    preset = _ask_preset()
    machine = hardware_of(preset, detect()) if preset else detect()
    speed = known_speed(app.catalog, detect())
    first = like.get("method") or recommend(model, dataset, preset=preset).config.method
    method = _ask_method(f"{model.id}-{preset}", first)
    suggested = recommend(model, dataset, method=method, preset=preset, speed=speed)
    config = _ask_rest(suggested.config, like, f"{model.id}-{dataset.id}-{method}-{preset}")
    known = speed if machine.device == detect().device else None
    return Planned(config, model, dataset, suggested, machine, known) if config else None


def _settings_like(app: App) -> dict[str, Any]:
    """Return the settings of the run in the address whose settings are wanted again, or nothing."""
    if not (ref := st.query_params.get("like")):
        return {}
    try:
        return dict(app.catalog.run(ref).config)
    except MacTunerError as problem:
        show_error(problem)
        return {}


def _ask_model(app: App, models: Sequence[Model], like: dict[str, Any]) -> Model:
    """Ask for the model; a run or a checkpoint in the address is offered beside the models."""
    found = {model.id: model for model in models}
    wanted = st.query_params.get("model") or like.get("model")
    if wanted and wanted not in found:
        try:
            base = base_of(app.catalog, wanted)
            facts = {name: getattr(base.model, name) for name in ("source", "architecture", "parameters", "bytes")}
            found = {wanted: Model(id=wanted, name=wanted, path=str(base.folder), **facts), **found}
        except MacTunerError as problem:
            show_error(problem)
    ids = list(found)
    place = ids.index(wanted) if wanted in ids else 0
    return found[st.selectbox(t("training_page.model"), ids, index=place, key="train-model")]


def _ask_dataset(app: App, model: Model, datasets: Sequence[DatasetVersion], like: dict[str, Any]) -> DatasetVersion:
    """Ask for the dataset; a starter model goes with the one it was made from."""
    ids = [version.id for version in datasets]
    own = like.get("dataset") or model.dataset_id
    place = ids.index(own) if own in ids else 0
    chosen = st.selectbox(t("training_page.dataset"), ids, index=place, key=f"train-dataset-{model.id}")
    return app.catalog.dataset(chosen)


def _ask_preset() -> Preset | None:
    """Ask for which machine to plan; None is this one."""
    names = {one: t(f"training_plan.machine_{one}") for one in (HERE, *PRESETS)}
    chosen = st.selectbox(
        t("training_plan.machine"),
        list(names),
        format_func=names.__getitem__,
        key="train-preset",
        help=t("training_plan.machine_help"),
    )
    return next((preset for preset in PRESETS if preset == chosen), None)


def _ask_method(key: str, first: Method) -> Method:
    names = {one: t(f"training_page.method_{one}") for one in METHODS}
    chosen: Method = st.segmented_control(
        t("training_page.method"),
        METHODS,
        format_func=names.__getitem__,
        default=first,
        required=True,
        key=f"train-method-{key}",
        width="stretch",
        help=t("training_page.method_help"),
    )
    return chosen


def _ask_rest(suggested: TrainingConfig, like: dict[str, Any], key: str) -> TrainingConfig | None:
    """Draw the form of the other settings, filled with the suggested ones or those of a run."""
    chosen = {name: getattr(suggested, name) for name in CHOSEN_APART}
    known = {name: value for name, value in like.items() if name in TrainingConfig.model_fields}
    adapter = AdapterSettings.model_fields if suggested.method == "full" else ()
    form = settings_form(
        TrainingConfig, f"train-{key}", values=suggested.model_dump() | known, leave_out=(*CHOSEN_APART, *adapter)
    )
    # What was left as suggested is not "set": some checks are about what a person set.
    changed = {name: value for name, value in form.values.items() if value != getattr(suggested, name)}
    form.values.clear()
    form.values.update(suggested.model_dump(exclude_unset=True) | changed)
    return form.check(TrainingConfig, **chosen)
