"""What a run will need before it starts: peak memory in parts, and seconds, from the model's sizes and the rows' lengths.

Needs no torch. The memory is counted (`memory.py`), the time follows from the operations and the speed of this machine
(`speed.py`). Loading, validation and saving are not in the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.hardware import Hardware, available_memory_bytes, detect
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.dimensions import Dimensions, read_dimensions
from mactuner_core.training.lengths import Lengths, Source, lengths_of
from mactuner_core.training.memory import Memory, memory_of
from mactuner_core.training.speed import Speed, flops_per_token
from mactuner_core.training.steps import planned_steps

USABLE = {"cpu": 0.9, "mps": 0.75, "cuda": 0.95}  # of the memory: macOS lends its GPU three quarters


@dataclass(frozen=True)
class Estimate:
    """The need of a run: bytes by part, the bytes there are, tokens and steps of the whole run, and seconds if known."""

    memory: Memory
    room: int
    tokens: int
    steps: int
    seconds: float | None
    lengths: Source
    speed: Speed | None

    @property
    def fits(self) -> bool:
        """Whether this much memory is there."""
        return self.memory.total <= self.room


def estimate(
    model: Model,
    dataset: DatasetVersion,
    config: TrainingConfig,
    hardware: Hardware | None = None,
    speed: Speed | None = None,
) -> Estimate:
    """Return what `config` needs on `hardware`, this machine by default; `seconds` is None without a `speed`.

    Raises InputError when the folder of the model or of the dataset is gone or damaged.
    """
    dimensions = read_dimensions(Path(model.path))
    return estimate_of(dimensions, lengths_of(model, dataset), config, hardware or detect(), speed)


def estimate_of(
    dimensions: Dimensions, lengths: Lengths, config: TrainingConfig, hardware: Hardware, speed: Speed | None = None
) -> Estimate:
    """Return the same from sizes and lengths that are known already."""
    tokens = lengths.trained(config) * config.epochs
    rows = lengths.rows(config)
    mean = lengths.trained(config) / max(1, rows)
    sides = 4 / 3 if config.objective == "dpo" else 1  # a pair is also read by the model as it was, forward only
    flops = tokens * flops_per_token(dimensions, config, mean) * sides
    return Estimate(
        memory=memory_of(dimensions, config, lengths.longest_row(config), hardware.device),
        room=room_of(hardware),
        tokens=tokens,
        steps=planned_steps(config, rows),
        seconds=flops / speed.flops if speed else None,
        lengths=lengths.source,
        speed=speed,
    )


def room_of(hardware: Hardware) -> int:
    """Return the bytes that a run may take: on this computer's processor no more than is free now."""
    usable = round(hardware.memory_bytes * USABLE[hardware.device])
    return min(usable, available_memory_bytes()) if hardware == detect() and hardware.device == "cpu" else usable
