"""The settings that a server runs with, folded: the ones that matter and those that are not as usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
import yaml

from mactuner_core.config import Setting, settings_of
from mactuner_core.server.settings import ServeSettings
from ui.errors import escaped
from ui.forms import label_of
from ui.language import t
from ui.training_compare import value_text


def settings_used(values: Mapping[str, Any]) -> None:
    """Draw the settings of a server and offer them as the file that `mactuner serve --config` reads."""
    with st.expander(t("serve_page.settings_used"), icon=":material/tune:", key="serve-settings-used"):
        lines = [
            f"{label_of(setting)}: **{escaped(written(values[setting.name]))}**"
            for setting in settings_of(ServeSettings)
            if setting.name in values and matters(setting, values[setting.name])
        ]
        st.markdown("  \n".join(lines))
        st.download_button(
            t("serve_page.settings_download"), yaml.safe_dump(dict(values), allow_unicode=True, sort_keys=False),
            "serve.yaml", "application/yaml", on_click="ignore", key="serve-settings-download", icon=":material/download:",
            help=t("serve_page.settings_download_help"),
        )  # fmt: skip


def matters(setting: Setting, value: Any) -> bool:
    """Tell whether a setting is worth a line: a basic one that has a value, or another that is not as usual."""
    return value is not None and (not setting.advanced or value != setting.default)


def written(value: Any) -> str:
    """Return a value as people read it."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value_text(value)
