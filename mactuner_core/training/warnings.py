"""What may go wrong with settings that are allowed: said before the run, for settings suggested or changed by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.format import human_bytes, human_count
from mactuner_core.hardware import Hardware, detect
from mactuner_core.messages import text
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.dimensions import Dimensions, read_dimensions
from mactuner_core.training.estimate import Estimate, estimate_of
from mactuner_core.training.lengths import Lengths, lengths_of

CUT_SHARE = 0.05  # of the rows: fewer that are cut are not worth a word
OFTEN = ((1_000, 4), (10_000, 6))  # rows under the first number seen so many times are learned by heart
FEW_STEPS = 20
FULL_RATE, MEDIUM_RATE, LARGE_RATE = 2e-4, 5e-4, 1e-4  # learning rates above these usually destroy what a model knows
MEDIUM, LARGE = 1_000_000_000, 7_000_000_000  # parameters


@dataclass(frozen=True)
class Reason:
    """A sentence for people: `code` names it, `values` fill it."""

    code: str
    values: dict[str, Any]

    def text(self, language: str | None = None) -> str:
        """Return the sentence in `language`, or in the current language."""
        return text(self.code, language, **self.values)

    def as_dict(self) -> dict[str, Any]:
        """Return code, values and the sentence as JSON-ready data."""
        return {"code": self.code, "values": self.values, "text": self.text()}


def warnings_for(
    model: Model, dataset: DatasetVersion, config: TrainingConfig, hardware: Hardware | None = None
) -> list[Reason]:
    """Return what may go wrong when `config` trains `model` on `dataset`; raises InputError as `estimate` does."""
    dimensions, lengths = read_dimensions(Path(model.path)), lengths_of(model, dataset)
    needs = estimate_of(dimensions, lengths, config, hardware or detect())
    return warnings_of(model, dataset, config, lengths, needs, dimensions)


def warnings_of(
    model: Model,
    dataset: DatasetVersion,
    config: TrainingConfig,
    lengths: Lengths,
    needs: Estimate,
    dimensions: Dimensions,
) -> list[Reason]:
    """Return the same from what is known already, the gravest first."""
    found = []
    if not needs.fits:
        found.append(_does_not_fit(config, needs, dimensions))
    found += _about_rows(model, dataset, config, lengths, needs)
    found += _about_rate(model, config)
    if dimensions.context and config.max_length > dimensions.context:
        values = {"max_length": config.max_length, "context": dimensions.context}
        found.append(Reason("recommend.warn_context", values))
    if model.source == "starter" and config.method != "full":
        found.append(Reason("recommend.warn_starter_adapter", {"method": config.method}))
    return found


def _does_not_fit(config: TrainingConfig, needs: Estimate, dimensions: Dimensions) -> Reason:
    values = {"need": human_bytes(needs.memory.total), "room": human_bytes(needs.room)}
    part = max(needs.memory.as_dict(), key=needs.memory.as_dict().__getitem__)
    if part in ("activations", "logits"):
        code = "length" if config.batch_size == 1 and config.gradient_checkpointing else "batch"
        return Reason(f"recommend.warn_memory_{code}", values | {"max_length": config.max_length})
    if config.method != "qlora":
        return Reason(
            "recommend.warn_memory_method", values | {"method": "lora" if config.method == "full" else "qlora"}
        )
    parameters = round(dimensions.parameters * needs.room / needs.memory.total)
    return Reason("recommend.warn_memory_model", values | {"parameters": human_count(parameters)})


def _about_rows(
    model: Model, dataset: DatasetVersion, config: TrainingConfig, lengths: Lengths, needs: Estimate
) -> list[Reason]:
    rows, found = dataset.train_rows, []
    values = {"rows": f"{rows:,}", "epochs": config.epochs}
    if model.source != "starter" and any(rows < few and config.epochs >= often for few, often in OFTEN):
        found.append(Reason("recommend.warn_overfit", values))
    if (share := lengths.cut_share(config)) > CUT_SHARE:
        cut = {"share": f"{share:.0%}", "max_length": config.max_length, "longest": f"{lengths.longest:,}"}
        found.append(Reason("recommend.warn_cut", cut))
    effective = config.batch_size * config.gradient_accumulation
    if effective > lengths.rows(config):
        found.append(Reason("recommend.warn_batch", {"effective": effective, "rows": f"{lengths.rows(config):,}"}))
    elif needs.steps < FEW_STEPS:
        found.append(Reason("recommend.warn_few_steps", {"steps": needs.steps}))
    if not dataset.validation_rows:
        found.append(Reason("recommend.warn_no_validation", {}))
    return found


def _about_rate(model: Model, config: TrainingConfig) -> list[Reason]:
    if model.source == "starter":
        return []
    limit = LARGE_RATE if model.parameters > LARGE else MEDIUM_RATE if model.parameters >= MEDIUM else 1.0
    if config.method == "full":
        limit = min(limit, FULL_RATE)
    if config.learning_rate <= limit:
        return []
    values = {"rate": f"{config.learning_rate:g}", "limit": f"{limit:g}", "method": config.method}
    return [Reason("recommend.warn_rate", values | {"parameters": human_count(model.parameters)})]
