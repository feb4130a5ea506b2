"""TRL's SFTTrainer, with a quicker loss where the logits are small and a CPU computes.

TRL never builds the logits: it projects every position twice, in tiles, which saves gigabytes on large vocabularies and
costs a fifth of a step on a small model on a CPU. There the model's own logits are built, and only from the first learned
token of the batch on. Nothing else differs; the loss is the same (a test compares them).
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.nn import functional
from trl import SFTTrainer

from mactuner_core.training.loss_mask import IGNORED

SMALL_LOGITS_BYTES = 256 * 2**20


class Trainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer for rows with `labels`; takes and gives what SFTTrainer does."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss over the learned tokens, (batch, tokens) in, a scalar out."""
        if return_outputs or not self._logits_are_small(inputs["input_ids"]):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs["labels"][:, 1:]
        learned = labels != IGNORED
        first = int(learned.any(dim=0).int().argmax())  # no row learns anything before this position
        keep = torch.arange(first, labels.shape[1], device=labels.device)
        output = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            logits_to_keep=keep,
            use_cache=False,
        )
        learned = learned[:, first:]
        logits, targets = output.logits[learned].float(), labels[:, first:][learned]
        count = max(1, int(learned.sum()))
        self._note(logits, targets, inputs, count)
        items = count if num_items_in_batch is None else num_items_in_batch
        return functional.cross_entropy(logits, targets, reduction="sum") / items

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return 0: nobody reads the count, and making it walks the whole model at every step."""
        return 0

    def _logits_are_small(self, ids: torch.Tensor) -> bool:
        base = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        size = ids.numel() * base.get_output_embeddings().weight.shape[0] * 4
        known = "logits_to_keep" in inspect.signature(type(base).forward).parameters
        return ids.device.type == "cpu" and known and size < SMALL_LOGITS_BYTES and not self.aux_loss_enabled

    def _note(self, logits: torch.Tensor, targets: torch.Tensor, inputs: dict[str, Any], count: int) -> None:
        """Keep the figures that SFTTrainer reports: token accuracy and the tokens seen."""
        mode = "train" if self.model.training else "eval"
        correct = int((logits.detach().argmax(dim=-1) == targets).sum())
        self._metrics[mode]["mean_token_accuracy"].append(correct / count)
        if mode == "train":
            self._total_train_tokens += int(inputs["attention_mask"].sum())
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
