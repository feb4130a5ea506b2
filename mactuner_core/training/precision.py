"""In which numbers a run computes and keeps its weights, by what the hardware does well; what it cannot is refused."""

from __future__ import annotations

from typing import Literal

import torch

from mactuner_core.errors import InputError
from mactuner_core.hardware import Device, torch_device
from mactuner_core.training.config import TrainingConfig

Mixed = Literal["fp32", "bf16", "fp16"]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def mixed_precision(config: TrainingConfig) -> Mixed:
    """Return the type the matrix products of a run are computed in; raises InputError for one the hardware lacks."""
    device, _ = torch_device()
    if config.precision == "fp16" and device == "cpu":
        raise InputError("training.fp16_needs_gpu", name="precision")
    if config.precision == "bf16" and not _has_bf16(device):
        raise InputError("training.no_bf16", name="precision", device=device)
    if config.precision != "auto":
        return config.precision
    if device != "cuda":
        return "fp32"
    return "bf16" if _has_bf16(device) else "fp16"


def frozen_dtype(config: TrainingConfig) -> torch.dtype:
    """Return the type of weights that are not trained: half the memory on a GPU, float32 on a CPU, which is slow in less."""
    device, _ = torch_device()
    if device == "cpu" or config.precision == "fp32":
        return torch.float32
    mixed = mixed_precision(config)
    return DTYPES["bf16" if mixed == "fp32" and _has_bf16(device) else mixed]


def _has_bf16(device: Device) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device == "cpu" or bool(torch.backends.mps.is_macos_or_newer(14, 0))
