"""Reading the rows of a dataset for an objective, and making of them what the model is trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.dataset import read_examples, saved_rows
from mactuner_core.errors import InputError
from mactuner_core.training.config import Objective, TrainingConfig
from mactuner_core.training.loss_mask import check_tokenizer
from mactuner_core.training.plain_text import prepare_texts
from mactuner_core.training.preferences import prepare_pairs
from mactuner_core.training.rows import Prepared, prepare_rows

OBJECTIVES: dict[str, Objective] = {"text": "pretraining", "preference": "dpo"}


def objective_for(shape: str) -> Objective:
    """Return the objective that rows of `shape` are for, as the dataset's report names the shape."""
    return OBJECTIVES.get(shape, "sft")


def read_rows(dataset: DatasetVersion, split: str, objective: Objective) -> list[Any]:
    """Return conversations, plain texts or (chosen, rejected) pairs; raises InputError when the dataset is damaged."""
    if objective == "sft":
        return read_examples(dataset, split)
    fields = ("text",) if objective == "pretraining" else ("chosen", "rejected")
    rows: list[Any] = []
    for row in saved_rows(dataset, split):
        if missing := [name for name in fields if not row.other.get(name)]:
            reason = f"{split}.jsonl, {row.line}: {missing[0]}"
            raise InputError("data.dataset_damaged", dataset=dataset.id, path=dataset.path, reason=reason)
        values = tuple(row.other[name] for name in fields)
        rows.append(values if len(values) > 1 else values[0])
    return rows


def prepare(
    tokenizer: Any, rows: Sequence[Any], config: TrainingConfig, on_row: Callable[[int], None] | None = None
) -> Prepared:
    """Tokenise the rows of `config.objective`; raises InputError when tokenizer or template cannot."""
    if config.objective == "pretraining":
        return prepare_texts(tokenizer, rows, config.max_length, on_row, join=not config.packing)
    check_tokenizer(tokenizer)
    if config.objective == "dpo":
        return prepare_pairs(tokenizer, rows, config.max_length, on_row)
    return prepare_rows(tokenizer, rows, config.max_length, on_row)
