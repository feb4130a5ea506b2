"""The recipe of a training run, top to bottom: prepare the rows, load the model, measure, train, measure, save.

Runs on TRL's SFTTrainer and PEFT. Everything is written into one run folder:
`config.yaml`, `checkpoints/`, then `adapter/` (LoRA) or `model/` (full), `training_stats.json` and, last, COMPLETE.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from mactuner_core.hardware import torch_device
from mactuner_core.jobs import JobCancelled
from mactuner_core.training.assemble import make_trainer
from mactuner_core.training.callback import Listener, RunCallback
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.load import load_model
from mactuner_core.training.out_of_memory import memory_errors_are_clear
from mactuner_core.training.prepare import prepare
from mactuner_core.training.rows import Prepared, check_not_empty
from mactuner_core.training.save import save
from mactuner_core.training.stats import peak_memory_bytes, versions
from mactuner_core.training.trainer import PairTrainer, Trainer
from mactuner_core.workspace import COMPLETE, disk_full_is_clear, write_json, write_text

SAMPLE_ROWS = 64  # training rows on which the loss is measured before and after
EVAL_ROWS = 256  # validation rows used, at most


def train(
    config: TrainingConfig,
    model_folder: Path,
    train_rows: Sequence[Any],
    validation_rows: Sequence[Any],
    run_folder: Path,
    listener: Listener,
) -> dict[str, Any]:
    """Fine-tune the model in `model_folder`, write the result into `run_folder` and return the statistics.

    The rows are what `config.objective` learns from: conversations, plain texts, or (chosen, rejected) pairs of them.
    Raises InputError when no row can be used, WorkError when memory or disk run out or the loss breaks, JobCancelled
    after a stop (a checkpoint is saved before).
    """
    with disk_full_is_clear(run_folder), memory_errors_are_clear(config):
        run_folder.mkdir(parents=True, exist_ok=True)
        write_text(run_folder / "config.yaml", config.to_yaml())
        tokenizer = AutoTokenizer.from_pretrained(model_folder)
        prepared, validation = prepare_splits(tokenizer, config, train_rows, validation_rows, listener)

        listener.progress(0, 0, "training.stage_loading")
        callback = RunCallback(listener, save_by_time=config.save_steps is None)
        model = load_model(model_folder, config)
        trainer = make_trainer(config, model, tokenizer, prepared.examples, validation.examples, run_folder, callback)

        listener.progress(0, 0, "training.stage_measuring")
        before = measure(trainer)
        callback.pace.pause()
        seconds = run_trainer(trainer, callback)
        listener.progress(0, 0, "training.stage_measuring")
        after = measure(trainer)

        listener.progress(0, 0, "training.stage_saving")
        save(trainer, tokenizer, config, run_folder)
        device, reason = torch_device()
        stats = {
            "train_loss_before": before["train"],
            "train_loss": after["train"],
            "eval_loss_before": before.get("eval"),
            "eval_loss": after.get("eval"),
            "tokens_per_second": round(callback.pace.tokens_per_second, 1),
            "tokens": int(callback.pace.tokens),
            "seconds": round(seconds, 2),
            "steps": trainer.state.global_step,
            "peak_memory_bytes": peak_memory_bytes(),
            "device": device,
            "device_reason": reason,
            "rows_used": prepared.rows_used,
            "rows_cut": prepared.rows_cut,
            "rows_left_out": [left.as_dict() for left in prepared.left_out],
            "versions": versions(),
        }
        write_json(run_folder / "training_stats.json", stats)
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


def measure(trainer: Trainer | PairTrainer) -> dict[str, float]:
    """Return the mean loss on a sample of the training rows and, when there are any, on the validation rows."""
    sample = trainer.train_dataset.select(range(min(SAMPLE_ROWS, len(trainer.train_dataset))))
    losses = {"train": trainer.evaluate(sample, metric_key_prefix="sample")["sample_loss"]}
    if trainer.eval_dataset is not None:
        losses["eval"] = trainer.evaluate()["eval_loss"]
    return losses


def run_trainer(trainer: Trainer | PairTrainer, callback: RunCallback) -> float:
    """Train and return the seconds it took; raises JobCancelled when a stop was asked for."""
    started = time.perf_counter()
    trainer.train()
    if callback.stopped:
        raise JobCancelled
    return time.perf_counter() - started

