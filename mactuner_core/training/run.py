"""The recipe of a training run, top to bottom: prepare the rows, load the model, measure, train, measure, save.

Runs on TRL's SFTTrainer and PEFT. Everything is written into one run folder:
`config.yaml`, `checkpoints/`, then `adapter/` (LoRA) or `model/` (full), `training_stats.json` and, last, COMPLETE.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig

from mactuner_core.errors import WorkError
from mactuner_core.hardware import torch_device
from mactuner_core.jobs import JobCancelled
from mactuner_core.training.callback import Listener, RunCallback
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.loss_mask import Example, check_tokenizer
from mactuner_core.training.rows import Messages, Prepared, check_not_empty, prepare_rows
from mactuner_core.training.stats import peak_memory_bytes, versions
from mactuner_core.training.trainer import Trainer
from mactuner_core.workspace import COMPLETE, check_free_space, disk_full_is_clear, write_json, write_text

SAMPLE_ROWS = 64  # training rows on which the loss is measured before and after
EVAL_ROWS = 256  # validation rows used, at most
POINTS, VALIDATIONS = 200, 10  # a run's chart points and validations when the settings leave them open


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
        model = load_model(model_folder, config.method)
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


def load_model(folder: Path, method: str) -> Any:
    """Return the base model: float32 where its weights are trained or the CPU computes, else bfloat16."""
    device, _ = torch_device()
    dtype = torch.float32 if method == "full" or device == "cpu" else torch.bfloat16
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


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

    lora = None
    if config.method == "lora":
        lora = LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            lora_dropout=config.lora_dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
    trainer = Trainer(
        model=model,
        args=arguments(config, len(examples), bool(validation), run_folder),
        train_dataset=_dataset(examples),
        eval_dataset=_dataset(validation) if validation else None,
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer


def arguments(config: TrainingConfig, examples: int, validate: bool, run_folder: Path) -> SFTConfig:
    """Translate the settings into TRL's arguments; what the hardware cannot do is off."""
    device, _ = torch_device()
    batches = math.ceil(examples / config.batch_size)
    steps = max(1, math.ceil(batches / config.gradient_accumulation)) * config.epochs
    return SFTConfig(
        output_dir=str(run_folder / "checkpoints"),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        activation_checkpointing=config.gradient_checkpointing,
        warmup_steps=0 if config.lr_scheduler == "constant" else max(0.0, config.warmup_ratio),
        lr_scheduler_type=config.lr_scheduler,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        seed=config.seed,
        max_length=None,  # the rows are cut already, and what was cut is counted
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="group_by_length",  # rows of like length share a batch: less padding
        bf16=device == "cuda" and torch.cuda.is_bf16_supported(),
        use_cpu=device == "cpu",
        dataloader_pin_memory=device == "cuda",
        logging_steps=config.logging_steps or max(1, steps // POINTS),
        logging_nan_inf_filter=False,  # it would hide a broken loss, and waits for the device at every step
        eval_strategy="steps" if validate else "no",
        eval_steps=config.eval_steps or max(1, math.ceil(steps / VALIDATIONS)),
        save_strategy="steps" if config.save_steps else "no",
        save_steps=config.save_steps or 500,
        save_total_limit=config.keep_checkpoints,
        report_to="none",
        disable_tqdm=True,
    )


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


def save(trainer: Trainer, tokenizer: Any, config: TrainingConfig, run_folder: Path) -> None:
    """Write `adapter/` or `model/` with tokenizer and template, whole or not at all."""
    trained = [p for p in trainer.model.parameters() if p.requires_grad or config.method == "full"]
    check_free_space(run_folder, sum(p.numel() * p.element_size() for p in trained))
    final = run_folder / ("adapter" if config.method == "lora" else "model")
    temporary = run_folder / f".new-{final.name}"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        trainer.model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        temporary.replace(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def memory_errors_are_clear(config: TrainingConfig) -> Iterator[None]:
    """Turn "out of memory" of CUDA, Metal or the CPU allocator into a WorkError that says what to change."""
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        text = str(problem).lower()
        if isinstance(problem, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
            values = {name: getattr(config, name) for name in ("batch_size", "max_length", "method")}
            raise WorkError("training.out_of_memory", **values) from problem
        raise


def _dataset(examples: Sequence[Example]) -> Dataset:
    return Dataset.from_dict(
        {
            "input_ids": [example.input_ids for example in examples],
            "labels": [example.labels for example in examples],
            "length": [len(example.input_ids) for example in examples],
        }
    )
