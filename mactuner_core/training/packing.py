"""Several short examples in one row, and the proof, on the model itself, that none sees into another.

transformers derives a mask from positions that begin again with each example, where the model's attention knows how. What
a model with other layers does is not known beforehand, so it is tried before the training begins.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from datasets import Dataset
from trl import pack_dataset
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from mactuner_core.errors import InputError
from mactuner_core.training.loss_mask import IGNORED

# Shares of the spread of the logits. Another neighbour may change nothing but rounding; computed alone, a row has another
# shape and other kernels, and bfloat16 keeps eight bits.
MAX_LEAK, MAX_DIFFERENCE = 0.001, 0.05
PROBE_TOKENS = 12


class PackedCollator(DataCollatorForLanguageModeling):  # type: ignore[misc]
    """Pads packed rows; gives `position_ids` that begin again with each example, in place of an attention mask."""

    def __init__(self, pad_token_id: int) -> None:
        super().__init__(pad_token_id=pad_token_id, return_position_ids=True)

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """Return input_ids, labels and position_ids, all (rows, tokens), and `tokens`, how many are no padding."""
        rows = [row if "seq_lengths" in row else row | {"seq_lengths": [len(row["input_ids"])]} for row in examples]
        batch: dict[str, Any] = super().torch_call(rows)
        batch["tokens"] = int(batch.pop("attention_mask").sum())
        batch["labels"][batch["position_ids"] == 0] = IGNORED  # the first token of an example follows from nothing
        return batch


def packed(dataset: Dataset, max_length: int) -> Dataset:
    """Return the rows of `dataset` joined up to `max_length` tokens each, with `seq_lengths` and `length`."""
    rows = pack_dataset(dataset.remove_columns("length"), seq_length=max_length, strategy="bfd")
    return rows.add_column("length", [len(ids) for ids in rows["input_ids"]])


def refuse_leaks(model: Any, pad_token_id: int) -> None:
    """Raise InputError when an example in a packed row is not computed as it is alone."""
    vocabulary = model.get_input_embeddings().weight.shape[0]
    generator = torch.Generator().manual_seed(0)
    first, other, second = (
        torch.randint(0, vocabulary, (PROBE_TOKENS,), generator=generator).tolist() for _ in range(3)
    )
    was_training = model.training
    model.eval()
    try:
        alone = _logits(model, pad_token_id, [[second], [first]])
        beside = _logits(model, pad_token_id, [[first, second], [first]])
        changed = _logits(model, pad_token_id, [[other, second], [first]])
    finally:
        model.train(was_training)
    spread = float(alone.std()) or 1.0
    leak = float((beside - changed).abs().max()) / spread
    difference = float((beside - alone).abs().max()) / spread
    if not (leak <= MAX_LEAK and difference <= MAX_DIFFERENCE):
        name = type(model).__name__
        raise InputError(
            "training.packing_leaks", name="packing", model=name, difference=f"{max(leak, difference):.2g}"
        )


@torch.no_grad()
def _logits(model: Any, pad_token_id: int, rows: list[list[list[int]]]) -> torch.Tensor:
    """Return the logits of the last example of the first row, (tokens, vocabulary)."""
    joined = [
        {"input_ids": list(chain(*row)), "labels": list(chain(*row)), "seq_lengths": [len(part) for part in row]}
        for row in rows
    ]
    batch = PackedCollator(pad_token_id)(joined)
    ids, positions = (batch[name].to(model.device) for name in ("input_ids", "position_ids"))
    logits: torch.Tensor = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    end = len(joined[0]["input_ids"])
    return logits[0, end - len(rows[0][-1]) : end].float().cpu()
