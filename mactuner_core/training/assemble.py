"""From settings, model and tokenised rows to the trainer that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from mactuner_core.training.arguments import dpo_arguments, sft_arguments
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.load import adapter_config
from mactuner_core.training.loss_mask import Example
from mactuner_core.training.packing import PackedCollator, packed, refuse_leaks
from mactuner_core.training.preferences import Pair
from mactuner_core.training.trackers import prepare_tracker
from mactuner_core.training.trainer import PairTrainer, Trainer


def make_trainer(
    config: TrainingConfig,
    model: Any,
    tokenizer: Any,
    examples: Sequence[Any],
    validation: Sequence[Any],
    run_folder: Path,
    callback: TrainerCallback,
) -> Trainer | PairTrainer:
    """Return TRL's trainer over rows that are tokenised already: `Example`s or, for DPO, `Pair`s.

    Raises InputError when packing would let examples see one another, ConfigError for a LoRA target that is not there.
    """
    prepare_tracker(config, run_folder)
    given: dict[str, Any] = {
        "config": config,
        "model": model,
        "processing_class": tokenizer,
        "peft_config": adapter_config(config, model, tokenizer),
        "callbacks": [callback],
    }
    trainer: Trainer | PairTrainer
    if config.objective == "dpo":
        rows, checked = _pairs(examples), _pairs(validation) if validation else None
        arguments = dpo_arguments(config, len(rows), bool(validation), run_folder)
        trainer = PairTrainer(args=arguments, train_dataset=rows, eval_dataset=checked, **given)
    else:
        rows, checked = _examples(examples), _examples(validation) if validation else None
        if config.packing:
            pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
            refuse_leaks(model, pad)
            rows, given["data_collator"] = packed(rows, config.max_length), PackedCollator(pad)
        arguments = sft_arguments(config, len(rows), bool(validation), run_folder)
        trainer = Trainer(args=arguments, train_dataset=rows, eval_dataset=checked, **given)
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    # TRL narrows the adapter over four-bit weights to bfloat16, where small steps are lost in rounding
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return trainer


def _examples(examples: Sequence[Example]) -> Dataset:
    return Dataset.from_dict(
        {
            "input_ids": [example.input_ids for example in examples],
            "labels": [example.labels for example in examples],
            "length": [len(example.input_ids) for example in examples],
        }
    )


def _pairs(pairs: Sequence[Pair]) -> Dataset:
    return Dataset.from_dict(
        {
            "prompt_ids": [pair.prompt for pair in pairs],
            "chosen_ids": [pair.chosen for pair in pairs],
            "rejected_ids": [pair.rejected for pair in pairs],
            "length": [len(pair.prompt) + max(len(pair.chosen), len(pair.rejected)) for pair in pairs],
        }
    )
