"""What every trainer of ours adds to Hugging Face's: rows in a repeatable order, and checkpoints that are written whole or not at all.

A mixin, so that it stands before any of TRL's trainers. Nothing of the training itself is changed.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

from transformers.trainer import TRAINING_ARGS_NAME

from mactuner_core.models.tokenizer_files import copy_tokenizer
from mactuner_core.training.order import EpochOrder
from mactuner_core.workspace import check_free_space

FULL_DISK_WORDS = ("No space left", "PytorchStreamWriter failed", "inline_container", "os error 28")


class WholeRun:
    """Mixed in before a TRL trainer; rows with a column `length` are grouped by it."""

    args: Any
    model: Any
    optimizer: Any
    processing_class: Any
    state: Any
    train_dataset: Any

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write nothing: a run writes its own card at its end."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows = self.train_dataset
        lengths = rows["length"] if "length" in rows.column_names else [0] * len(rows)
        step_rows = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return EpochOrder(lengths, step_rows, self.args.seed)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save; a checkpoint that does not fit on the disk leaves nothing behind and raises OSError (ENOSPC) or WorkError."""
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        check_free_space(folder.parent, self.checkpoint_bytes())
        try:
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            copy_tokenizer(Path(self.processing_class.name_or_path), folder)
        except Exception as problem:
            shutil.rmtree(folder, ignore_errors=True)
            if any(word in str(problem) for word in FULL_DISK_WORDS):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from problem
            raise
        (folder / TRAINING_ARGS_NAME).unlink(missing_ok=True)  # a pickle; a run goes on from its own settings

    def checkpoint_bytes(self) -> int:
        """Return the bytes of what a checkpoint holds: the trained weights, and what the optimiser keeps for them."""
        adapter = hasattr(self.model, "peft_config")
        trained = [p for p in self.model.parameters() if p.requires_grad or not adapter]
        optimizer = getattr(self.optimizer, "optimizer", self.optimizer)
        kept = [value for state in (optimizer.state.values() if optimizer else ()) for value in state.values()]
        return sum(t.numel() * t.element_size() for t in [*trained, *kept] if hasattr(t, "element_size"))
