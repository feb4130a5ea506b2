"""From the settings of a run to the arguments of TRL's trainer; what the hardware cannot do is off."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from trl import SFTConfig

from mactuner_core.hardware import torch_device
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.steps import planned_steps, warmup_steps

POINTS, VALIDATIONS = 200, 10  # a run's chart points and validations when the settings leave them open


def sft_arguments(config: TrainingConfig, examples: int, validate: bool, run_folder: Path) -> SFTConfig:
    """Return the arguments of a run on rows that are tokenised and cut already."""
    return SFTConfig(
        **common_arguments(config, examples, validate, run_folder),
        max_length=None,  # the rows are cut already, and what was cut is counted
        dataset_kwargs={"skip_prepare_dataset": True},
        activation_checkpointing=config.gradient_checkpointing,
        train_sampling_strategy="group_by_length",  # rows of like length share a batch: less padding
    )


def common_arguments(config: TrainingConfig, examples: int, validate: bool, run_folder: Path) -> dict[str, Any]:
    """Return what every kind of trainer is told."""
    device, _ = torch_device()
    steps = planned_steps(config, examples)
    return {
        "output_dir": str(run_folder / "checkpoints"),
        "num_train_epochs": config.epochs,
        "learning_rate": config.learning_rate,
        "per_device_train_batch_size": config.batch_size,
        "per_device_eval_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation,
        "warmup_steps": warmup_steps(config, steps),
        "lr_scheduler_type": config.lr_scheduler,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "seed": config.seed,
        "bf16": config.precision == "bf16"
        or (config.precision == "auto" and device == "cuda" and torch.cuda.is_bf16_supported()),
        "fp16": config.precision == "fp16",
        "use_cpu": device == "cpu",
        "dataloader_pin_memory": device == "cuda",
        "logging_steps": config.logging_steps or max(1, steps // POINTS),
        "logging_nan_inf_filter": False,  # it would hide a broken loss, and waits for the device at every step
        "eval_strategy": "steps" if validate else "no",
        "eval_steps": config.eval_steps or max(1, math.ceil(steps / VALIDATIONS)),
        "save_strategy": "steps" if config.save_steps else "no",
        "save_steps": config.save_steps or 500,
        "save_total_limit": config.keep_checkpoints,
        "report_to": "none",
        "disable_tqdm": True,
    }
