"""From the settings of a run to the arguments of TRL's trainers; what the hardware cannot do is off."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from trl import DPOConfig, SFTConfig

from mactuner_core.hardware import torch_device
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.optimizers import TRANSFORMERS_NAMES
from mactuner_core.training.precision import mixed_precision
from mactuner_core.training.steps import planned_steps, warmup_steps

POINTS, VALIDATIONS = 200, 10  # a run's chart points and validations when the settings leave them open


def sft_arguments(config: TrainingConfig, examples: int, validate: bool, run_folder: Path) -> SFTConfig:
    """Return the arguments of a run on rows that are tokenised and cut already."""
    return SFTConfig(
        **common_arguments(config, examples, validate, run_folder),
        max_length=None,  # the rows are cut already, and what was cut is counted
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="group_by_length",  # validation too; the order in training is ours
    )


def dpo_arguments(config: TrainingConfig, examples: int, validate: bool, run_folder: Path) -> DPOConfig:
    """Return the arguments of a run on preference pairs that are tokenised and cut already."""
    return DPOConfig(
        **common_arguments(config, examples, validate, run_folder),
        max_length=None,
        beta=config.dpo_beta,
        label_smoothing=config.label_smoothing,
        # an adapter is switched off to get the reference; a full model's is computed once, before it changes
        precompute_ref_log_probs=config.method == "full",
    )


def common_arguments(config: TrainingConfig, examples: int, validate: bool, run_folder: Path) -> dict[str, Any]:
    """Return what every kind of trainer is told."""
    device, _ = torch_device()
    steps = planned_steps(config, examples)
    mixed = mixed_precision(config)
    return {
        "output_dir": str(run_folder / "checkpoints"),
        "run_name": run_folder.name,
        "num_train_epochs": config.epochs,
        "learning_rate": config.learning_rate,
        "per_device_train_batch_size": config.batch_size,
        "per_device_eval_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation,
        "warmup_steps": warmup_steps(config, steps),
        "lr_scheduler_type": config.lr_scheduler,
        "optim": TRANSFORMERS_NAMES[config.optimizer],
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "neftune_noise_alpha": config.neftune_noise_alpha,
        "seed": config.seed,
        "bf16": mixed == "bf16",
        "fp16": mixed == "fp16",
        "use_cpu": device == "cpu",
        "activation_checkpointing": config.gradient_checkpointing,
        "dataloader_pin_memory": device == "cuda",
        "logging_steps": config.logging_steps or max(1, steps // POINTS),
        "logging_nan_inf_filter": False,  # it would hide a broken loss, and waits for the device at every step
        "eval_strategy": "steps" if validate else "no",
        "eval_steps": config.eval_steps or max(1, math.ceil(steps / VALIDATIONS)),
        "save_strategy": "no",  # our callback says when, and which ones stay
        "report_to": config.report_to,
        "disable_tqdm": True,
    }
