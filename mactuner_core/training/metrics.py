"""`metrics.jsonl` of a run: one line an event, over all its jobs, from the first start to the last resume.

Kinds: "metrics" (step, epoch, loss or eval_loss, learning_rate, grad_norm, token_accuracy, tokens_per_second,
seconds_per_step), "samples" (step, answers), "checkpoint" (step, best), "system" (step, memory_bytes, cpu_percent,
gpu_memory_bytes), "fit" (batch_size, gradient_accumulation) and "resumed" (step). Every event has its `time`. Needs no torch.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from mactuner_core.workspace import disk_full_is_clear, write_text

FILE = "metrics.jsonl"


def append(run_folder: Path, **values: Any) -> None:
    """Add one event to a run: plain numbers and words, never a secret. Raises WorkError when the disk is full."""
    line = json.dumps({"time": time.time(), **values}, ensure_ascii=False) + "\n"
    path = run_folder / FILE
    with disk_full_is_clear(path), path.open("ab") as file:
        torn = file.tell() and not _ends_a_line(path)
        file.write(("\n" if torn else "").encode() + line.encode())


def read(run_folder: Path) -> list[dict[str, Any]]:
    """Return the events of a run in order; a line torn by a crash is passed over, no file means no events."""
    try:
        return events_in((run_folder / FILE).read_bytes())
    except FileNotFoundError:
        return []


def events_in(lines: bytes) -> list[dict[str, Any]]:
    """Return the events in a part of the file that begins and ends with whole lines; a torn one is passed over."""
    found = []
    for line in lines.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


def cut_after(run_folder: Path, step: int) -> None:
    """Drop what was reported of later steps: they are gone once a run goes on from `step`."""
    if not (run_folder / FILE).exists():
        return
    kept = [event for event in read(run_folder) if event.get("step", 0) <= step]
    write_text(run_folder / FILE, "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in kept))


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
