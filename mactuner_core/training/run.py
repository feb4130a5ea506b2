"""The recipe of a training run, top to bottom: prepare the rows, load the model, measure, train, measure, save.

Runs on TRL's trainers and PEFT. Everything is written into one run folder: `config.yaml`, `metrics.jsonl`, `checkpoints/`,
then `adapter/` (LoRA) or `model/` (full), `training_stats.json`, `README.md` and, last, COMPLETE.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, set_seed

from mactuner_core.jobs import JobCancelled
from mactuner_core.training import card, checkpoints, metrics
from mactuner_core.training.assemble import make_trainer
from mactuner_core.training.callback import Listener, RunCallback, Standing
from mactuner_core.training.checkpoints import Checkpoint
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.load import load_model, put_on_adapter
from mactuner_core.training.out_of_memory import (
    free_memory,
    is_out_of_memory,
    memory_errors_are_clear,
    out_of_memory,
    smaller_batch,
)
from mactuner_core.training.prepare import prepare
from mactuner_core.training.rows import Prepared, check_not_empty
from mactuner_core.training.samples import common_system
from mactuner_core.training.save import save
from mactuner_core.training.stats import run_stats
from mactuner_core.training.trainer import PairTrainer, Trainer
from mactuner_core.workspace import COMPLETE, disk_full_is_clear, write_json, write_text

SAMPLE_ROWS = 64  # training rows on which the loss is measured before and after
EVAL_ROWS = 256  # validation rows used, at most


@dataclass(frozen=True)
class Work:
    """What every attempt at a run works with: the base, the tokenised rows, where it writes and who listens."""

    model_folder: Path
    adapter: Path | None
    tokenizer: Any
    train: Prepared
    validation: Prepared
    system: str | None
    run_folder: Path
    listener: Listener


def train(
    config: TrainingConfig,
    model_folder: Path,
    train_rows: Sequence[Any],
    validation_rows: Sequence[Any],
    run_folder: Path,
    listener: Listener,
    *,
    adapter: Path | None = None,
    checkpoint: Checkpoint | None = None,
) -> dict[str, Any]:
    """Fine-tune the model in `model_folder`, write the result into `run_folder` and return the statistics.

    The rows are what `config.objective` learns from: conversations, plain texts, or (chosen, rejected) pairs of them. With
    `adapter` it is what that adapter makes of the model that is trained; with `checkpoint` the run goes on from there.
    Raises InputError when no row can be used, WorkError when memory or disk run out or the loss breaks, JobCancelled
    after a stop (a checkpoint is saved before).
    """
    with disk_full_is_clear(run_folder):
        run_folder.mkdir(parents=True, exist_ok=True)
        write_text(run_folder / "config.yaml", config.to_yaml())
        with memory_errors_are_clear(config):
            tokenizer = AutoTokenizer.from_pretrained(adapter or model_folder)
            prepared, validation = prepare_splits(tokenizer, config, train_rows, validation_rows, listener)
        system = common_system(train_rows)
        work = Work(model_folder, adapter, tokenizer, prepared, validation, system, run_folder, listener)
        stats = fitted_attempts(_as_fitted(config, checkpoint), work, checkpoint)
        write_json(run_folder / "training_stats.json", stats)
        card.write(run_folder, config, stats, adapter or model_folder)
        write_text(run_folder / COMPLETE, "")
    return stats


def prepare_splits(
    tokenizer: Any,
    config: TrainingConfig,
    train_rows: Sequence[Any],
    validation_rows: Sequence[Any],
    listener: Listener,
) -> tuple[Prepared, Prepared]:
    """Tokenise both splits; raises InputError when no training row is left."""

    def report(done: int) -> None:
        listener.progress(done, len(train_rows), "training.stage_preparing")

    prepared = prepare(tokenizer, train_rows, config, report)
    check_not_empty(prepared)
    return prepared, prepare(tokenizer, validation_rows[:EVAL_ROWS], config)


def fitted_attempts(config: TrainingConfig, work: Work, checkpoint: Checkpoint | None) -> dict[str, Any]:
    """Run `attempt`, and again with half the micro-batch as often as memory runs out; returns the statistics.

    Each further attempt goes on from the last whole checkpoint, or begins anew when there is none yet.
    """
    fitted = None
    while True:
        _go_on_from(work.run_folder, checkpoint)
        if fitted:
            metrics.append(work.run_folder, kind="fit", **fitted)
        try:
            return attempt(config, work, checkpoint) | {"fitted": fitted}
        except Exception as problem:
            if not is_out_of_memory(problem):
                raise
            smaller = smaller_batch(config) if config.fit_automatically else None
            if smaller is None:
                raise out_of_memory(config) from problem
            free_memory(problem)
        config = smaller
        fitted = {"batch_size": config.batch_size, "gradient_accumulation": config.gradient_accumulation}
        checkpoint = next(reversed(checkpoints.all_of(work.run_folder)), None)


def attempt(config: TrainingConfig, work: Work, checkpoint: Checkpoint | None) -> dict[str, Any]:
    """Load, train and save once, and return the statistics."""
    listener, run_folder = work.listener, work.run_folder
    listener.progress(0, 0, "training.stage_loading")
    set_seed(config.seed)
    standing = Standing(**checkpoint.more) if checkpoint else Standing()
    callback = RunCallback(config, run_folder, listener, standing=standing, system=work.system)
    with memory_errors_are_clear(config):
        model = load_model(work.model_folder, config)
        if work.adapter:
            model = put_on_adapter(model, work.adapter, config, work.tokenizer)
    rows = (work.train.examples, work.validation.examples)
    trainer = make_trainer(config, model, work.tokenizer, *rows, run_folder, callback)
    if not standing.losses_before:
        listener.progress(0, 0, "training.stage_measuring")
        standing.losses_before = measure_before(trainer, callback)
    run_trainer(trainer, callback, checkpoint)
    weights_step = take_best(trainer, config, run_folder)
    listener.progress(0, 0, "training.stage_measuring")
    after = measure_after(trainer, callback, weights_step)
    listener.progress(0, 0, "training.stage_saving")
    save(trainer, work.tokenizer, config, run_folder)
    return run_stats(trainer.state.global_step, weights_step, callback, after, work.train) | {
        "resumed": [event["step"] for event in metrics.read(run_folder) if event["kind"] == "resumed"],
        "seed": config.seed,
    }


def measure_before(trainer: Trainer | PairTrainer, callback: RunCallback) -> dict[str, float]:
    """Return the losses of the model as it comes, ask it the test prompts, and learn how long that takes."""
    callback.pace.restart()
    losses = {"train": sample_loss(trainer)}
    callback.closing_s = callback.pace.lap()
    if trainer.eval_dataset is not None:
        losses["eval"] = trainer.evaluate()["eval_loss"]
    callback.answer(trainer.state, trainer.model, trainer.processing_class)
    callback.pace.validated()
    return losses


def measure_after(trainer: Trainer | PairTrainer, callback: RunCallback, weights_step: int) -> dict[str, float]:
    """Return the losses of the model as it is kept; a validation of those very weights is not made twice."""
    callback.phase = "after"
    losses = {"train": sample_loss(trainer)}
    if trainer.eval_dataset is not None:
        step, loss = callback.last_validation or (None, 0.0)
        losses["eval"] = loss if step == weights_step else trainer.evaluate()["eval_loss"]
    return losses


def sample_loss(trainer: Trainer | PairTrainer) -> float:
    """Return the mean loss on a sample of the training rows."""
    sample = trainer.train_dataset.select(range(min(SAMPLE_ROWS, len(trainer.train_dataset))))
    return float(trainer.evaluate(sample, metric_key_prefix="sample")["sample_loss"])


def run_trainer(trainer: Trainer | PairTrainer, callback: RunCallback, checkpoint: Checkpoint | None = None) -> float:
    """Train, from `checkpoint` when there is one, and return the seconds it took; raises JobCancelled after a stop."""
    started = time.perf_counter()
    callback.started(started)
    trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)
    if callback.stopped:
        raise JobCancelled
    return time.perf_counter() - started


def take_best(trainer: Trainer | PairTrainer, config: TrainingConfig, run_folder: Path) -> int:
    """Return the step whose weights are kept: with early stopping that of the best checkpoint, which is loaded, else the last."""
    last = int(trainer.state.global_step)
    if config.early_stopping_patience is None:
        return last
    best = next((checkpoint for checkpoint in checkpoints.all_of(run_folder) if checkpoint.best), None)
    if best is None or best.step == last:
        return last
    trainer._load_from_checkpoint(str(best.path))
    return best.step


def _as_fitted(config: TrainingConfig, checkpoint: Checkpoint | None) -> TrainingConfig:
    """Return `config` with the micro-batch that fitted into memory when the checkpoint was made."""
    if checkpoint is None:
        return config
    names = ("batch_size", "gradient_accumulation")
    return config.model_copy(update={name: checkpoint.more[name] for name in names})


def _go_on_from(run_folder: Path, checkpoint: Checkpoint | None) -> None:
    step = checkpoint.step if checkpoint else 0
    checkpoints.clear_after(run_folder, step)
    metrics.cut_after(run_folder, step if checkpoint else -1)
    if checkpoint:
        metrics.append(run_folder, kind="resumed", step=step)
