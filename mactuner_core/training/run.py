"""The recipe of a training run, top to bottom: prepare the rows, load the model, measure, train, measure, save.

Runs on TRL's SFTTrainer and PEFT. Everything is written into one run folder:
`config.yaml`, `checkpoints/`, then `adapter/` (LoRA) or `model/` (full), `training_stats.json` and, last, COMPLETE.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoTokenizer

from mactuner_core.hardware import torch_device
from mactuner_core.jobs import JobCancelled
from mactuner_core.training.arguments import sft_arguments
from mactuner_core.training.callback import Listener, RunCallback
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.load import adapter_config, load_model
from mactuner_core.training.loss_mask import Example, check_tokenizer
from mactuner_core.training.out_of_memory import memory_errors_are_clear
from mactuner_core.training.rows import Messages, Prepared, check_not_empty, prepare_rows
from mactuner_core.training.save import save
from mactuner_core.training.stats import peak_memory_bytes, versions
from mactuner_core.training.trainer import Trainer
from mactuner_core.workspace import COMPLETE, disk_full_is_clear, write_json, write_text

SAMPLE_ROWS = 64  # training rows on which the loss is measured before and after
EVAL_ROWS = 256  # validation rows used, at most


def train(
    config: TrainingConfig,
    model_folder: Path,
    train_rows: Sequence[Messages],
    validation_rows: Sequence[Messages],
    run_folder: Path,
    listener: Listener,
) -> dict[str, Any]:
    """Fine-tune the model in `model_folder`, write the result into `run_folder` and return the statistics.

    Raises InputError when no row can be used, WorkError when memory or disk run out or the loss breaks, JobCancelled
    after a stop (a checkpoint is saved before).
    """
    with disk_full_is_clear(run_folder), memory_errors_are_clear(config):
        run_folder.mkdir(parents=True, exist_ok=True)
        write_text(run_folder / "config.yaml", config.to_yaml())
        tokenizer = AutoTokenizer.from_pretrained(model_folder)
        check_tokenizer(tokenizer)
        prepared, validation = prepare(tokenizer, config, train_rows, validation_rows, listener)

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


def prepare(
    tokenizer: Any,
    config: TrainingConfig,
    train_rows: Sequence[Messages],
    validation_rows: Sequence[Messages],
    listener: Listener,
) -> tuple[Prepared, Prepared]:
    """Tokenise both splits; raises InputError when no training row is left."""

    def report(done: int) -> None:
        listener.progress(done, len(train_rows), "training.stage_preparing")

    prepared = prepare_rows(tokenizer, train_rows, config.max_length, report)
    check_not_empty(prepared)
    return prepared, prepare_rows(tokenizer, validation_rows[:EVAL_ROWS], config.max_length)


def make_trainer(
    config: TrainingConfig,
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    validation: Sequence[Example],
    run_folder: Path,
    callback: RunCallback,
) -> Trainer:
    """Return TRL's trainer over rows that are tokenised already."""
    from transformers import PrinterCallback, ProgressCallback

    trainer = Trainer(
        model=model,
        args=sft_arguments(config, len(examples), bool(validation), run_folder),
        train_dataset=_dataset(examples),
        eval_dataset=_dataset(validation) if validation else None,
        processing_class=tokenizer,
        peft_config=adapter_config(config),
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer


def measure(trainer: Trainer) -> dict[str, float]:
    """Return the mean loss on a sample of the training rows and, when there are any, on the validation rows."""
    sample = trainer.train_dataset.select(range(min(SAMPLE_ROWS, len(trainer.train_dataset))))
    losses = {"train": trainer.evaluate(sample, metric_key_prefix="sample")["sample_loss"]}
    if trainer.eval_dataset is not None:
        losses["eval"] = trainer.evaluate()["eval_loss"]
    return losses


def run_trainer(trainer: Trainer, callback: RunCallback) -> float:
    """Train and return the seconds it took; raises JobCancelled when a stop was asked for."""
    started = time.perf_counter()
    trainer.train()
    if callback.stopped:
        raise JobCancelled
    return time.perf_counter() - started


def _dataset(examples: Sequence[Example]) -> Dataset:
    return Dataset.from_dict(
        {
            "input_ids": [example.input_ids for example in examples],
            "labels": [example.labels for example in examples],
            "length": [len(example.input_ids) for example in examples],
        }
    )
