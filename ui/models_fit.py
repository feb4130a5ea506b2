"""Whether a model fits this machine, as badges: one a method of training."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mactuner_core.format import human_bytes
from ui.language import t

Fits = dict[str, dict[str, Any]]


def fit_badges(fits: Fits) -> None:
    """Draw for each method its rough memory need, and whether this machine has that much."""
    for method, need in fits.items():
        label = t(f"models_page.fit_{method}", memory=human_bytes(need["memory_bytes"]))
        if need["fits"]:
            st.badge(label, icon=":material/check:", color="green", help=t("models_page.fits_roughly"))
        else:
            st.badge(label, icon=":material/close:", color="orange", help=t("models_page.does_not_fit"))


def methods_that_fit(fits: Fits | None) -> str:
    """Return the methods that fit, the most thorough first, as one line; "?" for a model of unknown size."""
    if fits is None:
        return "?"
    return ", ".join(t(f"models_page.method_{method}") for method, need in fits.items() if need["fits"]) or "–"
