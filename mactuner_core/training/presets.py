"""Machines that a person may plan for without sitting at one: what they have, and the method that suits them.

A preset stands in for the hardware that was found; everything else of the recommendation follows from it.
"""

from __future__ import annotations

from typing import Literal

from mactuner_core.hardware import Device, Hardware
from mactuner_core.training.config import Method

Preset = Literal["vram_8gb", "mac_16gb", "mac_32gb", "mac_64gb", "cpu"]
PRESETS: tuple[Preset, ...] = ("vram_8gb", "mac_16gb", "mac_32gb", "mac_64gb", "cpu")
GB = 2**30
CPU_MEMORY = 16 * GB
_DEVICES: dict[Preset, tuple[Device, int]] = {
    "vram_8gb": ("cuda", 8 * GB),
    "mac_16gb": ("mps", 16 * GB),
    "mac_32gb": ("mps", 32 * GB),
    "mac_64gb": ("mps", 64 * GB),
}
LARGEST_BATCH: dict[Preset, int] = {"vram_8gb": 2, "mac_16gb": 4, "cpu": 4}  # the rest is accumulated


def hardware_of(preset: Preset, here: Hardware) -> Hardware:
    """Return the machine that `preset` stands for; "cpu" is this computer without its GPU."""
    if preset == "cpu":
        memory = here.system_memory_bytes or CPU_MEMORY
        return Hardware("cpu", "hardware.reason_cpu", here.name, memory, memory, here.cores)
    device, memory = _DEVICES[preset]
    return Hardware(device, f"hardware.reason_{device}", preset, memory, memory, here.cores)


def method_of(preset: Preset | None) -> Method | None:
    """Return the method a preset asks for whatever the model's size, if any."""
    return "qlora" if preset == "vram_8gb" else None
