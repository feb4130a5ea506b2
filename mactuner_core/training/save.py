"""Writing what a run has learned: `adapter/` or `model/`, with tokenizer and template."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mactuner_core.models.tokenizer_files import copy_tokenizer
from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import check_free_space


def save(trainer: Any, tokenizer: Any, config: TrainingConfig, run_folder: Path) -> None:
    """Write `adapter/` or `model/` with tokenizer and template, whole or not at all."""
    trained = [p for p in trainer.model.parameters() if p.requires_grad or config.method == "full"]
    check_free_space(run_folder, sum(p.numel() * p.element_size() for p in trained))
    final = run_folder / ("model" if config.method == "full" else "adapter")
    temporary = run_folder / f".new-{final.name}"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        trainer.model.save_pretrained(temporary)
        copy_tokenizer(Path(tokenizer.name_or_path), temporary)
        shutil.rmtree(temporary / "ref", ignore_errors=True)  # what preference training compares with
        (temporary / "README.md").unlink(missing_ok=True)  # PEFT's, which names a path of this machine; ours follows
        shutil.rmtree(final, ignore_errors=True)  # of an attempt that was killed before it was complete
        temporary.replace(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
