"""The optimisers that transformers has no name for: Muon beside AdamW in one object, and LoRA+ with its two rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from peft.optimizers import create_loraplus_optimizer

from mactuner_core.training.config import TrainingConfig

TRANSFORMERS_NAMES = {
    "adamw": "adamw_torch_fused",
    "adamw_8bit": "adamw_bnb_8bit",
    "adafactor": "adafactor",
    "muon": "adamw_torch",  # never made: `own_optimizer` makes it
}


class MuonWithAdamW(torch.optim.Optimizer):
    """Muon for matrices and AdamW for everything else, as one optimiser with one state that a checkpoint holds.

    Muon's step is scaled to the size of AdamW's (arXiv 2502.16982), so one learning rate fits both.
    """

    def __init__(
        self, matrices: list[torch.nn.Parameter], others: list[dict[str, Any]], lr: float, weight_decay: float
    ) -> None:
        self._muon = torch.optim.Muon(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self._adamw = torch.optim.AdamW(others, lr=lr)
        groups = [group | {"is_muon": True} for group in self._muon.param_groups]
        groups += [group | {"is_muon": False} for group in self._adamw.param_groups]
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move the weights by their gradients; `closure`, when given, computes the loss again."""
        with torch.enable_grad():
            loss = closure() if closure else None
        # both work on the groups and the state of this object, which a checkpoint may have replaced
        for inner, is_muon in ((self._muon, True), (self._adamw, False)):
            inner.param_groups = [group for group in self.param_groups if group["is_muon"] is is_muon]
            inner.state = self.state
            inner.step()  # type: ignore[no-untyped-call]
        return loss


def own_optimizer(config: TrainingConfig, trainer: Any) -> torch.optim.Optimizer | None:
    """Return the optimiser that `config` asks for when transformers cannot make it, else None."""
    if config.optimizer == "muon":
        return _muon(config, trainer)
    if config.method != "full" and config.lora_plus_ratio:
        kind, settings = trainer.get_optimizer_cls_and_kwargs(trainer.args, trainer.model)
        ratio, decay = config.lora_plus_ratio, config.weight_decay
        made: torch.optim.Optimizer = create_loraplus_optimizer(
            trainer.model, kind, loraplus_lr_ratio=ratio, loraplus_weight_decay=decay, **settings
        )
        return made
    return None


def _muon(config: TrainingConfig, trainer: Any) -> MuonWithAdamW:
    """The matrices of the blocks go to Muon; embedding, head, norms and biases do not (as its authors say)."""
    model = trainer.model
    ends = {id(end.weight) for end in (model.get_input_embeddings(), model.get_output_embeddings())}
    decayed = set(trainer.get_decay_parameter_names(model))
    matrices: list[torch.nn.Parameter] = []
    decay: list[torch.nn.Parameter] = []
    plain: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.ndim == 2 and id(parameter) not in ends:
            matrices.append(parameter)
        else:
            (decay if name in decayed else plain).append(parameter)
    others = [{"params": decay, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return MuonWithAdamW(matrices, others, config.learning_rate, config.weight_decay)
