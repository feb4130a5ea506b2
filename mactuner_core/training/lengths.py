"""How long the rows of a dataset are in tokens, for one model: from figures that were counted, else from a sample.

A sample is tokenised with the model's own tokenizer, and the other rows are judged by their bytes. Needs no torch; takes
a second at most, and is kept for the next question of the same process.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.data.statistics.compute import compute, kept_tokens
from mactuner_core.data.statistics.source import read_rows
from mactuner_core.errors import InputError
from mactuner_core.models.folder_template import folder_renderer
from mactuner_core.training.config import TrainingConfig

SAMPLE_ROWS = 300
BYTES_PER_TOKEN = 3.0  # where there is no tokenizer to ask: between English (4) and Korean (2 to 3)

Source = Literal["counted", "sample", "bytes"]


@dataclass(frozen=True)
class Lengths:
    """Tokens of each training row; `source` says whether they were counted, judged by a sample, or by bytes alone."""

    tokens: NDArray[np.int64]
    source: Source

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return int(self.tokens.max()) if len(self.tokens) else 0

    def percentile(self, share: float) -> int:
        """Return the length that `share` percent of the rows do not exceed."""
        return int(np.percentile(self.tokens, share, method="inverted_cdf")) if len(self.tokens) else 0

    def cut_share(self, config: TrainingConfig) -> float:
        """Return the share of rows that are longer than `max_length` tokens; plain text is split, not cut."""
        if config.objective == "pretraining" or not len(self.tokens):
            return 0.0
        return float((self._read_at_once(config) > config.max_length).mean())

    def trained(self, config: TrainingConfig) -> int:
        """Return the tokens of one epoch under `config`: long rows are cut, plain text is split instead."""
        if config.objective == "pretraining":
            return int(self.tokens.sum())
        sides = 2 if config.objective == "dpo" else 1
        return sides * int(np.minimum(self._read_at_once(config), config.max_length).sum())

    def longest_row(self, config: TrainingConfig) -> int:
        """Return the tokens of the longest row as it is trained on: joined texts and packed rows are always full."""
        if config.objective == "pretraining" or config.packing:
            return config.max_length
        return min(int(self._read_at_once(config).max(initial=0)), config.max_length)

    def _read_at_once(self, config: TrainingConfig) -> NDArray[np.int64]:
        """Return the tokens of what the model reads at once: of a pair one side, about half of the row."""
        return (self.tokens + 1) // 2 if config.objective == "dpo" else self.tokens

    def rows(self, config: TrainingConfig) -> int:
        """Return how many rows an epoch has under `config`: texts are joined, and packed rows share one."""
        if config.objective == "pretraining" or config.packing:
            return max(1, round(self.trained(config) / config.max_length)) if len(self.tokens) else 0
        return len(self.tokens)


def lengths_of(model: Model, dataset: DatasetVersion) -> Lengths:
    """Return the lengths of the training rows; raises InputError when the dataset is damaged."""
    file, tokenizer = Path(dataset.path) / "train.jsonl", Path(model.path) / "tokenizer.json"
    if not file.is_file():
        raise InputError("data.dataset_gone", dataset=dataset.id, path=dataset.path)
    marks = tuple(one.stat().st_mtime_ns if one.is_file() else 0 for one in (file, tokenizer))
    counted = _counted(dataset, tokenizer.parent) if marks[1] else None
    if counted is not None:
        return Lengths(counted, "counted")
    return _judged(dataset.id, file, tokenizer.parent, marks)


def _counted(dataset: DatasetVersion, folder: Path) -> NDArray[np.int64] | None:
    try:
        found = kept_tokens(dataset, folder, folder_renderer(folder))
    except InputError:
        return None
    return None if found is None else found.arrays["tokens"][: dataset.train_rows].astype(np.int64)


@functools.lru_cache(maxsize=32)
def _judged(dataset: str, file: Path, folder: Path, marks: tuple[int, ...]) -> Lengths:
    """Return lengths found from the bytes of every row; `marks` change when a file does."""
    with file.open("rb") as lines:
        sizes = np.array([len(line) for line in lines], dtype=np.float64)
    if not len(sizes):
        return Lengths(sizes.astype(np.int64), "bytes")
    wanted = np.unique(np.linspace(0, len(sizes) - 1, SAMPLE_ROWS).round().astype(int))
    tokens = _sampled(dataset, file, folder, {int(number) for number in wanted})
    if tokens is None:
        return Lengths(np.ceil(sizes / BYTES_PER_TOKEN).astype(np.int64), "bytes")
    if len(wanted) == len(sizes):
        return Lengths(tokens, "counted")
    # rows bring a fixed part (roles, keys) and one that grows with the text
    slope, start = np.polyfit(sizes[wanted], tokens, 1) if np.ptp(sizes[wanted]) else (0.0, float(tokens.mean()))
    judged = np.maximum(1, np.ceil(start + slope * sizes)).astype(np.int64)
    judged[wanted] = tokens
    return Lengths(judged, "sample")


def _sampled(dataset: str, file: Path, folder: Path, wanted: set[int]) -> NDArray[np.int64] | None:
    rows: list[Any] = [row.fields for row in read_rows(file, dataset, wanted)]
    try:
        found = compute(rows, tokenizer_folder=folder, render=folder_renderer(folder))
    except InputError:
        return None
    return found.parts["tokens"].arrays["tokens"].astype(np.int64)
