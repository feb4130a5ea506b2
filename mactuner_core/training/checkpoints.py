"""The checkpoints of a run: which are whole, what they hold, and how to be rid of one.

A checkpoint is the folder `checkpoints/checkpoint-STEP` that Hugging Face's trainer writes, with our `checkpoint.json`
written last: a folder without it, or with a file of another size than it says, is not whole and counts for nothing. Needs
no torch.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.workspace import write_json

MARK = "checkpoint.json"
PREFIX = "checkpoint-"


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint. `eval_loss` was measured at that very step; `best` has the lowest of the run's whole ones.

    `train_loss` is the one last reported, `created_at` in seconds since 1970, `more` what the run needs to go on from here.
    """

    step: int
    epoch: float
    train_loss: float | None
    eval_loss: float | None
    bytes: int
    best: bool
    created_at: float
    path: Path
    more: dict[str, Any] = field(default_factory=dict, repr=False)


def folder_of(run_folder: Path, step: int) -> Path:
    """Return where the checkpoint of `step` is, or would be."""
    return run_folder / "checkpoints" / f"{PREFIX}{step}"


def all_of(run_folder: Path) -> list[Checkpoint]:
    """Return the whole checkpoints of a run, by step."""
    facts = {path: _facts(path) for path in (run_folder / "checkpoints").glob(f"{PREFIX}*")}
    whole = sorted(((path, found) for path, found in facts.items() if found), key=lambda pair: int(pair[1]["step"]))
    losses = [float(found["eval_loss"]) for _, found in whole if found["eval_loss"] is not None]
    best = min(losses, default=None)
    made = []
    for path, found in whole:
        is_best = best is not None and found["eval_loss"] == best
        best = None if is_best else best  # of two equal ones the earlier
        made.append(
            Checkpoint(
                step=int(found["step"]),
                epoch=float(found["epoch"]),
                train_loss=found["train_loss"],
                eval_loss=found["eval_loss"],
                bytes=sum(found["files"].values()),
                best=is_best,
                created_at=float(found["created_at"]),
                path=path,
                more=found["more"],
            )
        )
    return made


def find(run_folder: Path, step: int | None = None) -> Checkpoint:
    """Return the whole checkpoint of `step`, or the latest; raises InputError when there is none, NotFoundError for that step."""
    found = all_of(run_folder)
    if not found:
        raise InputError("checkpoints.none", run=run_folder.name)
    if step is None:
        return found[-1]
    known = {checkpoint.step: checkpoint for checkpoint in found}
    if step not in known:
        raise NotFoundError("checkpoints.unknown", run=run_folder.name, step=step, known=", ".join(map(str, known)))
    return known[step]


def delete(run_folder: Path, step: int) -> Checkpoint:
    """Delete one whole checkpoint and return what it was; raises as `find` does."""
    checkpoint = find(run_folder, step)
    _remove(checkpoint.path)
    return checkpoint


def mark_whole(
    folder: Path,
    *,
    step: int,
    epoch: float,
    train_loss: float | None,
    eval_loss: float | None,
    more: dict[str, Any],
) -> None:
    """Write the mark that makes the checkpoint in `folder` whole, with the size of each of its files."""
    files = {str(file.relative_to(folder)): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
    facts = {"step": step, "epoch": epoch, "train_loss": train_loss, "eval_loss": eval_loss, "created_at": time.time()}
    write_json(folder / MARK, facts | {"files": files, "more": more})


def keep_last(run_folder: Path, count: int) -> None:
    """Delete the whole checkpoints before the last `count`, but for the best."""
    for checkpoint in all_of(run_folder)[:-count]:
        if not checkpoint.best:
            _remove(checkpoint.path)


def clear_after(run_folder: Path, step: int) -> None:
    """Delete what is not whole, and the checkpoints after `step`: a run that goes on from there writes them anew."""
    kept: Sequence[Path] = [checkpoint.path for checkpoint in all_of(run_folder) if checkpoint.step <= step]
    for path in (run_folder / "checkpoints").glob(f"{PREFIX}*"):
        if path not in kept:
            _remove(path)


def _remove(folder: Path) -> None:
    (folder / MARK).unlink(missing_ok=True)  # from here on it is not whole, however far the rest gets
    shutil.rmtree(folder, ignore_errors=True)


def _facts(folder: Path) -> dict[str, Any] | None:
    try:
        facts: dict[str, Any] = json.loads((folder / MARK).read_text(encoding="utf-8"))
        whole = all((folder / name).stat().st_size == size for name, size in facts["files"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts if whole else None
