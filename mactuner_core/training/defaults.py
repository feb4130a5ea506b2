"""Good first settings for a model and a dataset; the person may change every one of them."""

from __future__ import annotations

from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.training.config import Method, TrainingConfig

STARTER_STEPS = 350  # what a starter model needs to know some hundred short answers by heart
SMALL, LARGE = 1_000_000_000, 7_000_000_000  # parameters


def suggest(model: Model, dataset: DatasetVersion, method: Method | None = None) -> TrainingConfig:
    """Return settings for `model` on `dataset`: a starter model learns by heart with all its weights, others by LoRA."""
    if model.source == "starter" and method != "lora":
        return _starter(model, dataset)
    chosen = method or "lora"
    batch, rate, rank = (8, 5e-4, 16) if model.parameters < SMALL else (4, 2e-4, 8)
    if model.parameters > LARGE:
        batch, rate, rank = 1, 1e-4, 8
    batch = max(1, min(batch, dataset.train_rows))
    return TrainingConfig(
        model=model.id,
        dataset=dataset.id,
        method=chosen,
        learning_rate=rate if chosen == "lora" else rate / 10,
        batch_size=batch,
        gradient_accumulation=1 if batch >= 4 or dataset.train_rows < 64 else 8,
        lora_rank=rank,
        lora_alpha=rank * 2,
        gradient_checkpointing=model.parameters > SMALL // 10,
    )


def _starter(model: Model, dataset: DatasetVersion) -> TrainingConfig:
    batch = max(1, min(16, dataset.train_rows))
    steps_an_epoch = -(-dataset.train_rows // batch) or 1
    return TrainingConfig(
        model=model.id,
        dataset=dataset.id,
        method="full",
        learning_rate=1e-3,
        epochs=max(10, min(44, STARTER_STEPS // steps_an_epoch)),
        batch_size=batch,
        warmup_ratio=0.1,
        gradient_checkpointing=False,
    )
