"""What a benchmark says about the machine it ran on."""

from __future__ import annotations

import os
from pathlib import Path

from mactuner_core.hardware import detect


def processor() -> str:
    """Return the processor's name."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else detect().name


def load_average() -> str:
    """Return how many processes wanted to compute over the last 1, 5 and 15 minutes."""
    return " ".join(f"{one:.2f}" for one in os.getloadavg())
