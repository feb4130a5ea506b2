"""The model of a run, ready to train: which numbers its weights are in, and the adapter beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoModelForCausalLM

from mactuner_core.hardware import torch_device
from mactuner_core.training.config import TrainingConfig


def load_model(folder: Path, config: TrainingConfig) -> Any:
    """Return the base model: float32 where its weights are trained or the CPU computes, else bfloat16."""
    device, _ = torch_device()
    dtype = torch.float32 if config.method == "full" or device == "cpu" else torch.bfloat16
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


def adapter_config(config: TrainingConfig) -> LoraConfig | None:
    """Return the adapter to train beside the weights, or None when the weights themselves are trained."""
    if config.method == "full":
        return None
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
