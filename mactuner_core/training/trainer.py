"""TRL's trainers with what they lack: optimisers of ours, packed rows, and a quicker loss for small logits on a CPU.

TRL never builds the logits: it projects every position twice, in tiles, which saves gigabytes on large vocabularies and
costs a fifth of a step on a small model on a CPU. There the model's own logits are built, and only from the first learned
token of the batch on. Nothing else differs; the loss is the same (a test compares them).
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from datasets import Dataset
from peft.utils.other import AuxiliaryTrainingWrapper
from torch.nn import functional
from transformers.trainer_pt_utils import LabelSmoother
from trl import DPOTrainer, SFTTrainer

from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.loss_mask import IGNORED
from mactuner_core.training.optimizers import own_optimizer
from mactuner_core.training.whole import WholeRun

SMALL_LOGITS_BYTES = 256 * 2**20


class Trainer(WholeRun, SFTTrainer):  # type: ignore[misc]
    """SFTTrainer for rows with `labels`, with the settings of a run; takes and gives what SFTTrainer does."""

    def __init__(self, config: TrainingConfig, **values: Any) -> None:
        self.config = config
        super().__init__(**values)
        # the model's own logits must be built: to smooth the labels, or through a head that is trained beside its weights
        self._needs_logits = bool(config.label_smoothing) or isinstance(
            self._base.get_output_embeddings(), AuxiliaryTrainingWrapper
        )
        self._knows_range = "logits_to_keep" in inspect.signature(type(self._base).forward).parameters

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return the optimiser of the settings."""
        self.optimizer = self.optimizer or own_optimizer(self.config, self)
        made: torch.optim.Optimizer = super().create_optimizer(model)
        return made

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss over the learned tokens, (batch, tokens) in, a scalar out; smoothed in training only."""
        tokens = inputs.pop("tokens", None)  # of packed rows; others have an attention mask
        if tokens is None:
            tokens = int(inputs["attention_mask"].sum())
        if return_outputs or not self._builds_logits(inputs["input_ids"]):
            self.label_smoother = LabelSmoother(self._smoothing) if self._smoothing else None
            seen = self._total_train_tokens
            found = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            self._count(seen, tokens)
            return found
        labels = inputs["labels"][:, 1:]
        learned = labels != IGNORED
        first = int(learned.any(dim=0).int().argmax())  # no row learns anything before this position
        given: dict[str, Any] = {name: inputs[name] for name in ("attention_mask", "position_ids") if name in inputs}
        if self._knows_range:
            given["logits_to_keep"] = torch.arange(first, labels.shape[1], device=labels.device)
        output = model(input_ids=inputs["input_ids"], use_cache=False, **given)
        logits = output.logits if self._knows_range else output.logits[:, first:-1]
        learned = learned[:, first:]
        logits, targets = logits[learned].float(), labels[:, first:][learned]
        count = max(1, int(learned.sum()))
        self._note(logits, targets, tokens, count)
        items = count if num_items_in_batch is None else num_items_in_batch
        return functional.cross_entropy(logits, targets, reduction="sum", label_smoothing=self._smoothing) / items

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return 0: nobody reads the count, and making it walks the whole model at every step."""
        return 0

    @property
    def _base(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    @property
    def _smoothing(self) -> float:
        return self.config.label_smoothing if self.model.training else 0.0

    def _builds_logits(self, ids: torch.Tensor) -> bool:
        if self.aux_loss_enabled:
            return False
        if self._needs_logits:
            return True
        size = ids.numel() * self._base.get_output_embeddings().weight.shape[0] * 4
        return ids.device.type == "cpu" and self._knows_range and size < SMALL_LOGITS_BYTES

    def _note(self, logits: torch.Tensor, targets: torch.Tensor, tokens: int, count: int) -> None:
        """Keep the figures that SFTTrainer reports: token accuracy and the tokens seen."""
        mode = "train" if self.model.training else "eval"
        correct = int((logits.detach().argmax(dim=-1) == targets).sum())
        self._metrics[mode]["mean_token_accuracy"].append(correct / count)
        self._count(self._total_train_tokens, tokens)

    def _count(self, seen: int, tokens: int) -> None:
        mode = "train" if self.model.training else "eval"
        if mode == "train":
            self._total_train_tokens = seen + tokens
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]


class PairTrainer(WholeRun, DPOTrainer):  # type: ignore[misc]
    """DPOTrainer for pairs that are tokenised already."""

    def __init__(self, config: TrainingConfig, **values: Any) -> None:
        self.config = config
        super().__init__(**values)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return the optimiser of the settings."""
        self.optimizer = self.optimizer or own_optimizer(self.config, self)
        made: torch.optim.Optimizer = super().create_optimizer(model)
        return made

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return loss and figures; the rows are ready, so that TRL's own preparing is passed over."""
        found: dict[str, float] = super(DPOTrainer, self).evaluate(eval_dataset, ignore_keys, metric_key_prefix)
        return found

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return 0: nobody reads the count, and making it walks the whole model at every step."""
        return 0

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset
