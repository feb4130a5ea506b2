"""What this machine is: the device to compute on, its memory, and the reason for the choice.

`detect` asks the system only, so that the app's first page opens without torch. `torch_device` asks torch itself and is
what training uses. Neither measures speed.
"""

from __future__ import annotations

import functools
import platform
import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

import psutil

Device = Literal["mps", "cuda", "cpu"]


@dataclass(frozen=True)
class Hardware:
    """The device, why it was chosen (a message key), and what it has; memory is in bytes."""

    device: Device
    reason: str
    name: str
    memory_bytes: int
    system_memory_bytes: int
    cores: int


@functools.cache
def detect() -> Hardware:
    """Return the hardware as the system describes it: Apple GPU, then NVIDIA GPU, then CPU."""
    memory = psutil.virtual_memory().total
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Hardware("mps", "hardware.reason_mps", "Apple Silicon", memory, memory, cores)
    if card := _nvidia_card():
        return Hardware("cuda", "hardware.reason_cuda", card[0], card[1], memory, cores)
    reason = "hardware.reason_cpu_intel_mac" if platform.system() == "Darwin" else "hardware.reason_cpu"
    return Hardware("cpu", reason, platform.processor() or platform.machine(), memory, memory, cores)


def available_memory_bytes() -> int:
    """Return the memory that programs can still take, in bytes."""
    return int(psutil.virtual_memory().available)


def torch_device() -> tuple[Device, str]:
    """Return the device that torch can really use and the message key of the reason."""
    import torch

    if torch.backends.mps.is_available():
        return "mps", "hardware.reason_mps"
    if torch.cuda.is_available():
        return "cuda", "hardware.reason_cuda"
    if detect().device == "cuda":
        return "cpu", "hardware.reason_torch_without_cuda"
    return "cpu", detect().reason if detect().device == "cpu" else "hardware.reason_torch_without_mps"


def _nvidia_card() -> tuple[str, int] | None:
    if not shutil.which("nvidia-smi"):
        return None
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        found = (
            subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip().splitlines()
        )
    except (OSError, subprocess.SubprocessError):
        return None
    if not found or "," not in found[0]:
        return None
    name, mebibytes = found[0].rsplit(",", 1)
    return name.strip(), int(float(mebibytes)) * 2**20
