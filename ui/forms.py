"""A form drawn from a settings class: one field a setting, with its label, help, unit and range; advanced ones folded.

What is wrong is said under the field it is about. Nothing here knows what the settings mean.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mactuner_core.config import Config, Setting, settings_of
from mactuner_core.errors import ConfigError
from mactuner_core.messages import catalogue
from ui.errors import escaped
from ui.language import language, t

AnyConfig = TypeVar("AnyConfig", bound=Config)


@dataclass(frozen=True)
class Form:
    """The values a person gave, and under each field a place to say what is wrong with it."""

    values: dict[str, Any]
    slots: dict[str, DeltaGenerator]

    def check(self, config: type[AnyConfig], **more: Any) -> AnyConfig | None:
        """Return the settings made of the form and of `more`, or None after saying what is wrong."""
        try:
            return config.check(self.values | more)
        except ConfigError as problem:
            for wrong in problem.problems:
                slot = self.slots.get(str(wrong.values.get("name"))) or st.empty()
                slot.markdown(f":red[:material/error: {escaped(wrong.text(language()))}]")
            return None


def settings_form(
    config: type[Config],
    key: str,
    *,
    values: Mapping[str, Any] | None = None,
    leave_out: Collection[str] = (),
) -> Form:
    """Draw the fields of `config`, filled with `values` or the defaults; `key` begins the keys of the widgets."""
    form = Form({}, {})
    settings = [setting for setting in settings_of(config) if setting.name not in leave_out]
    for setting in settings:
        if not setting.advanced:
            _draw(form, setting, key, values or {})
    if advanced := [setting for setting in settings if setting.advanced]:
        with st.expander(t("ui.advanced"), icon=":material/tune:"):
            for setting in advanced:
                _draw(form, setting, key, values or {})
    return form


def label_of(setting: Setting) -> str:
    """Return the label of a setting with its unit, unless the label says it already."""
    label = setting.label[language()]
    if not setting.unit:
        return label
    known = f"ui.unit_{setting.unit}" in catalogue()
    unit = t(f"ui.unit_{setting.unit}") if known else setting.unit
    return label if unit in label.lower().split() else t("ui.label_with_unit", label=label, unit=unit)


def _draw(form: Form, setting: Setting, key: str, values: Mapping[str, Any]) -> None:
    value = values.get(setting.name, setting.default)
    form.values[setting.name] = _widget(setting, value, f"{key}-{setting.name}")
    form.slots[setting.name] = st.empty()


def _widget(setting: Setting, value: Any, key: str) -> Any:
    label, help = label_of(setting), setting.help[language()]
    if setting.choices:
        place = setting.choices.index(str(value)) if str(value) in setting.choices else 0
        return st.selectbox(label, setting.choices, index=place, key=key, help=help)
    if setting.many:
        lines = st.text_area(label, value="\n".join(value or []), key=key, help=help, height=100).splitlines()
        return [line.strip() for line in lines if line.strip()]
    if setting.kind is bool:
        return st.toggle(label, value=bool(value), key=key, help=help)
    if setting.kind in (int, float):
        return _number(setting, value, label, _with_range(setting, help), key)
    if setting.name.endswith("prompt"):
        return st.text_area(label, value=value or "", key=key, help=help, height=100) or None
    return st.text_input(label, value=value or "", key=key, help=help) or (None if setting.optional else "")


def _number(setting: Setting, value: Any, label: str, help: str, key: str) -> Any:
    kind = setting.kind
    return st.number_input(
        label,
        min_value=None if setting.minimum is None else kind(setting.minimum),
        max_value=None if setting.maximum is None else kind(setting.maximum),
        value=None if value is None else kind(value),
        step=1 if kind is int else _step(float(value or setting.default or 0.1)),
        format="%d" if kind is int else "%g",
        key=key,
        help=help,
    )


def _step(value: float) -> float:
    """Return a tenth of the value's power of ten: 0.0001 for 0.002."""
    return float(10.0 ** (math.floor(math.log10(abs(value))) - 1)) if value else 0.01


def _with_range(setting: Setting, help: str) -> str:
    if setting.minimum is None or setting.maximum is None:
        return help
    return t("ui.help_with_range", help=help, minimum=f"{setting.minimum:g}", maximum=f"{setting.maximum:g}")
