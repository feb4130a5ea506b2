"""The figures of a run as a page keeps them: its `metrics.jsonl` read once, after that only what was added.

A long run writes a hundred thousand lines, and a page looks every second. Plain numbers; nothing is drawn here.
"""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from mactuner_core.training import metrics

KEPT = "run-figures"  # in the session
NOT_CURVES = ("step", "epoch", "time")
MOST_SAMPLES = 200  # validations whose answers are kept


@dataclass
class Curve:
    """One figure over the steps, in the order it was reported."""

    steps: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))


@dataclass
class Figures:
    """What a run has reported: its curves by name, answers to the test prompts, and what happened to it on the way.

    `place` and `file` say how far which file was read.
    """

    curves: dict[str, Curve] = field(default_factory=dict)
    samples: list[Mapping[str, Any]] = field(default_factory=list)
    happened: list[Mapping[str, Any]] = field(default_factory=list)
    last_step: float = 0
    place: int = 0
    file: int = 0

    def curve(self, name: str) -> Curve:
        """Return the curve of a figure, empty when it was never reported."""
        return self.curves.get(name) or Curve()

    def last(self, name: str) -> float | None:
        """Return the newest value of a figure."""
        values = self.curve(name).values
        return values[-1] if values else None

    def lowest(self, name: str) -> tuple[float, float] | None:
        """Return the step and the value where a figure was lowest."""
        curve = self.curve(name)
        return min(zip(curve.steps, curve.values, strict=True), key=lambda point: point[1], default=None)


def figures_of(run_folder: Path) -> Figures:
    """Return the figures of a run, up to date; what the session knows of it is not read again."""
    known = st.session_state.setdefault(KEPT, {})
    known[run_folder.name] = read_on(run_folder, known.get(run_folder.name))
    return known[run_folder.name]  # type: ignore[no-any-return]


def read_on(run_folder: Path, known: Figures | None) -> Figures:
    """Add to `known` what was reported since; a file that was cut or written anew (at a resume) is read from its beginning."""
    try:
        with (run_folder / metrics.FILE).open("rb") as file:
            facts = os.fstat(file.fileno())
            if known is None or facts.st_ino != known.file or facts.st_size < known.place:
                known = Figures(file=facts.st_ino)
            file.seek(known.place)
            whole, _, _ = file.read().rpartition(b"\n")  # the last line may be half written
    except FileNotFoundError:
        return Figures()
    known.place += len(whole) + 1 if whole else 0
    for event in metrics.events_in(whole):
        _add(known, event)
    return known


def _add(figures: Figures, event: Mapping[str, Any]) -> None:
    kind = event.get("kind")
    step = float(event.get("step", figures.last_step))
    figures.last_step = max(figures.last_step, step)
    if kind in ("metrics", "system"):
        for name, value in event.items():
            if name not in NOT_CURVES and isinstance(value, int | float) and math.isfinite(value):
                curve = figures.curves.setdefault(name, Curve())
                curve.steps.append(step)
                curve.values.append(float(value))
    elif kind == "samples":
        figures.samples = [*figures.samples[1 - MOST_SAMPLES :], event]
    elif kind in ("fit", "resumed"):
        figures.happened.append({**event, "step": int(step)})
