"""Good first settings for a model, a dataset and a machine, each with its reason; the person may change every one.

Sizes decide the learning rate, the rank and the batch; the rows decide epochs and length; the memory decides how the batch
is cut up. Nothing is tried out: the figures are those that usually work, and `warnings_for` says what may go wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.format import human_bytes, human_count
from mactuner_core.hardware import Device, Hardware, detect
from mactuner_core.training.config import Method, TrainingConfig
from mactuner_core.training.dimensions import Dimensions, read_dimensions
from mactuner_core.training.estimate import Estimate, estimate_of
from mactuner_core.training.lengths import Lengths, lengths_of
from mactuner_core.training.prepare import objective_for
from mactuner_core.training.presets import LARGEST_BATCH, Preset, hardware_of, method_of
from mactuner_core.training.speed import Speed
from mactuner_core.training.warnings import Reason, warnings_of

SMALL, LARGE = 1_000_000_000, 7_000_000_000  # parameters
STARTER_STEPS = 350  # what a starter model needs to know some hundred short answers by heart
CHECKPOINTED_FROM = 100_000_000  # parameters: smaller models have little to save
LONGEST = 4096  # tokens: longer rows are rare, and cost more than they teach
STEP = 64  # max_length is a multiple of this
Reasons = dict[str, Reason]


@dataclass(frozen=True)
class _Band:
    """What suits models of about one size: the first values, and the method."""

    name: str
    batch_size: int
    learning_rate: float
    lora_rank: int
    method: Method


@dataclass(frozen=True)
class Recommendation:
    """Settings, why each is what it is (by its name), what may go wrong, and what they need."""

    config: TrainingConfig
    reasons: Reasons
    warnings: list[Reason]
    estimate: Estimate


def recommend(
    model: Model,
    dataset: DatasetVersion,
    *,
    method: Method | None = None,
    preset: Preset | None = None,
    hardware: Hardware | None = None,
    speed: Speed | None = None,
) -> Recommendation:
    """Return settings for `model` on `dataset`: for `hardware`, the machine of a `preset`, or this one.

    A `method` is kept even where another suits better. Raises InputError when a folder is gone or damaged.
    """
    here = hardware or detect()
    machine = hardware_of(preset, here) if preset else here
    dimensions, lengths = read_dimensions(Path(model.path)), lengths_of(model, dataset)
    known = speed if machine.device == here.device else None
    if model.source == "starter" and method in (None, "full"):
        config, reasons = _starter(model, dataset, dimensions, lengths)
    else:
        config, reasons = _tuning(model, dataset, dimensions, lengths, method or method_of(preset), machine.device)
    config, reasons = _fitted(config, reasons, dimensions, lengths, machine, keep_method=bool(method), preset=preset)
    needs = estimate_of(dimensions, lengths, config, machine, known)
    return Recommendation(config, reasons, warnings_of(model, dataset, config, lengths, needs, dimensions), needs)


def band_of(parameters: int) -> _Band:
    """Return what suits a model of `parameters`."""
    if parameters < SMALL:
        return _Band("small", 8, 5e-4, 16, "lora")
    if parameters <= LARGE:
        return _Band("medium", 4, 2e-4, 8, "lora")
    return _Band("large", 2, 1e-4, 8, "qlora")


def _tuning(
    model: Model,
    dataset: DatasetVersion,
    dimensions: Dimensions,
    lengths: Lengths,
    method: Method | None,
    device: Device,
) -> tuple[TrainingConfig, Reasons]:
    band, objective = band_of(model.parameters), objective_for(str(dataset.report.get("shape", "")))
    chosen: Method = method or band.method
    size = {"parameters": human_count(model.parameters)}
    reasons = {"method": Reason(f"recommend.method_{chosen}", size)}
    rate = band.learning_rate
    reasons["learning_rate"] = Reason(f"recommend.rate_{band.name}", size)
    if chosen == "full":
        rate = max(1e-5, rate / 10)
        reasons["learning_rate"] = Reason("recommend.rate_full", size)
    if objective == "dpo":
        rate = max(1e-5, rate / 10)
        reasons["learning_rate"] = Reason("recommend.rate_dpo", size)
    epochs, reasons["epochs"] = _epochs(dataset.train_rows, objective)
    rank, reasons["lora_rank"] = _rank(band, dataset.train_rows, size)
    reasons["lora_alpha"] = Reason("recommend.alpha", {"rank": rank})
    batch, reasons["batch_size"] = _batch(band, dataset.train_rows, model)
    length, reasons["max_length"] = _length(lengths, dimensions, objective)
    reasons["objective"] = Reason(f"recommend.objective_{objective}", {"dataset": dataset.id})
    checkpointing = model.parameters > CHECKPOINTED_FROM
    reasons["gradient_checkpointing"] = Reason(f"recommend.checkpointing_{'on' if checkpointing else 'off'}", size)
    if chosen == "full":
        del reasons["lora_rank"], reasons["lora_alpha"]
    config = TrainingConfig(
        model=model.id,
        dataset=dataset.id,
        objective=objective,
        method=chosen,
        epochs=epochs,
        learning_rate=rate,
        batch_size=batch,
        max_length=length,
        lora_rank=rank,
        lora_alpha=2 * rank,
        gradient_checkpointing=checkpointing,
    )
    return config, reasons


def _starter(
    model: Model, dataset: DatasetVersion, dimensions: Dimensions, lengths: Lengths
) -> tuple[TrainingConfig, Reasons]:
    objective = objective_for(str(dataset.report.get("shape", "")))
    batch = max(1, min(16, dataset.train_rows))
    steps_an_epoch = -(-dataset.train_rows // batch) or 1
    epochs = max(10, min(44, STARTER_STEPS // steps_an_epoch))
    length, length_reason = _length(lengths, dimensions, objective)
    config = TrainingConfig(
        model=model.id,
        dataset=dataset.id,
        objective=objective,
        method="full",
        learning_rate=1e-3,
        epochs=epochs,
        batch_size=batch,
        max_length=length,
        warmup_ratio=0.1,
        gradient_checkpointing=False,
    )
    reasons = {
        "method": Reason("recommend.method_starter", {}),
        "learning_rate": Reason("recommend.rate_starter", {}),
        "epochs": Reason("recommend.epochs_starter", {"epochs": epochs, "steps": epochs * steps_an_epoch}),
        "batch_size": Reason("recommend.batch_starter", {"batch_size": batch}),
        "max_length": length_reason,
        "gradient_checkpointing": Reason("recommend.checkpointing_off", {"parameters": human_count(model.parameters)}),
        "objective": Reason(f"recommend.objective_{objective}", {"dataset": dataset.id}),
    }
    return config, reasons


def _epochs(rows: int, objective: str) -> tuple[int, Reason]:
    values = {"rows": f"{rows:,}"}
    if objective == "dpo":
        return 1, Reason("recommend.epochs_dpo", values)
    if rows < 5_000:
        return 3, Reason("recommend.epochs_few", values)
    return (
        (2, Reason("recommend.epochs_some", values)) if rows < 50_000 else (1, Reason("recommend.epochs_many", values))
    )


def _rank(band: _Band, rows: int, size: dict[str, Any]) -> tuple[int, Reason]:
    values = size | {"rows": f"{rows:,}"}
    if rows >= 10_000 and band.name != "large":
        return band.lora_rank * 2, Reason("recommend.rank_many_rows", values)
    if rows < 200 and band.name == "large":
        return 4, Reason("recommend.rank_few_rows", values)
    return band.lora_rank, Reason("recommend.rank", values)


def _batch(band: _Band, rows: int, model: Model) -> tuple[int, Reason]:
    """A batch of a size that suits the model, but at least eight steps an epoch."""
    batch = band.batch_size * (2 if model.parameters < CHECKPOINTED_FROM and rows >= 256 else 1)
    values = {"parameters": human_count(model.parameters), "rows": f"{rows:,}"}
    while batch > 1 and batch * 8 > rows:
        batch //= 2
    small = batch < band.batch_size
    return batch, Reason("recommend.batch_few_rows" if small else f"recommend.batch_{band.name}", values)


def _length(lengths: Lengths, dimensions: Dimensions, objective: str) -> tuple[int, Reason]:
    """A little more than the longest row, or than 99 % of them when few are far longer; text is cut into even pieces."""
    most = min(LONGEST, dimensions.context or LONGEST)
    if objective == "pretraining":
        length = min(1024, most)
        return length, Reason("recommend.length_text", {"max_length": length})
    longest, usual = (lengths.longest, lengths.percentile(99))
    if objective == "dpo":
        longest, usual = -(-longest // 2), -(-usual // 2)
    wanted = longest if longest <= 1.5 * usual else usual
    if lengths.source != "counted":
        wanted += wanted // 10
    length = max(STEP, min(most, -(-wanted // STEP) * STEP))
    values = {"longest": f"{longest:,}", "usual": f"{usual:,}", "max_length": length}
    if length >= longest:
        return length, Reason("recommend.length_all", values)
    return length, Reason("recommend.length_most" if length >= usual else "recommend.length_limit", values)


def _fitted(
    config: TrainingConfig,
    reasons: Reasons,
    dimensions: Dimensions,
    lengths: Lengths,
    machine: Hardware,
    *,
    keep_method: bool,
    preset: Preset | None,
) -> tuple[TrainingConfig, Reasons]:
    """Return settings that the memory holds, changed as little as can be, or the smallest ones when none do."""
    config, reasons = _smaller_batch(config, reasons, LARGEST_BATCH.get(preset, 32) if preset else 32, "preset")

    def need(tried: TrainingConfig) -> Estimate:
        return estimate_of(dimensions, lengths, tried, machine)

    if need(config).fits:
        return config, reasons
    room = {"memory": human_bytes(need(config).room)}
    if not config.gradient_checkpointing:
        config = config.model_copy(update={"gradient_checkpointing": True})
        reasons = reasons | {"gradient_checkpointing": Reason("recommend.checkpointing_memory", room)}
    while config.batch_size > 1 and not need(config).fits:
        config, reasons = _smaller_batch(config, reasons, config.batch_size // 2, "memory")
    if not need(config).fits and config.method == "lora" and not keep_method:
        config = config.model_copy(update={"method": "qlora"})
        reasons = reasons | {"method": Reason("recommend.method_memory", room)}
    return config, reasons


def _smaller_batch(config: TrainingConfig, reasons: Reasons, most: int, why: str) -> tuple[TrainingConfig, Reasons]:
    """Return the settings with at most `most` rows at once, and as many accumulated as before."""
    if config.batch_size <= most:
        return config, reasons
    accumulation = config.gradient_accumulation * max(1, config.batch_size // most)
    values = {"batch_size": most, "accumulation": accumulation, "effective": most * accumulation}
    changed = config.model_copy(update={"batch_size": most, "gradient_accumulation": accumulation})
    because = Reason(f"recommend.batch_{why}", values)
    return changed, reasons | {"batch_size": because, "gradient_accumulation": because}
