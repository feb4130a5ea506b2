"""Each optimiser learns; Muon beside AdamW is one object that a checkpoint holds; LoRA+ has its two rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, TrainerCallback

from mactuner_core.training.assemble import make_trainer
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.load import load_model
from mactuner_core.training.optimizers import MuonWithAdamW
from mactuner_core.training.prepare import prepare
from tests.core.training.conftest import ROWS
from tests.core.training.shapes import settings


def trainer_for(config: TrainingConfig, folder: Path, run: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    examples = prepare(tokenizer, ROWS, config).examples
    return make_trainer(config, load_model(folder, config), tokenizer, examples, [], run, TrainerCallback())


def losses(trainer: Any) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", "torch.optim.adamw.AdamW"),
        ("adamw_8bit", "bitsandbytes.optim.adamw.AdamW"),
        ("adafactor", "transformers.optimization.Adafactor"),
        ("muon", "mactuner_core.training.optimizers.MuonWithAdamW"),
    ],
)
def test_an_optimiser_learns(models: dict[str, Path], name: str, kind: str, tmp_path: Path) -> None:
    trainer = trainer_for(settings(method="full", optimizer=name, logging_steps=1), models["qwen3"], tmp_path)
    trainer.train()
    made = trainer.optimizer.optimizer
    assert f"{type(made).__module__}.{type(made).__name__}" == kind
    bytes_held = {value.dtype for state in made.state.values() for value in state.values() if hasattr(value, "dtype")}
    assert (torch.uint8 in bytes_held) is (name == "adamw_8bit")
    assert losses(trainer)[-1] < losses(trainer)[0] - 0.3


def test_muon_takes_the_matrices_of_the_blocks_and_adamw_the_rest(models: dict[str, Path], tmp_path: Path) -> None:
    trainer = trainer_for(settings(method="full", optimizer="muon"), models["llama"], tmp_path)
    optimizer = trainer.create_optimizer()
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    by_muon = {names[id(p)] for group in optimizer.param_groups if group["is_muon"] for p in group["params"]}
    assert by_muon == {name for name in names.values() if "_proj" in name}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(names)
    assert isinstance(optimizer, MuonWithAdamW)


def test_muon_goes_on_from_a_checkpoint_as_if_it_had_never_stopped(models: dict[str, Path], tmp_path: Path) -> None:
    config = settings(method="full", optimizer="muon", logging_steps=1)
    whole = trainer_for(config, models["qwen3"], tmp_path / "run")
    whole.args.set_save("steps", steps=6)
    whole.train()
    again = trainer_for(config, models["qwen3"], tmp_path / "again")
    again.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoints" / "checkpoint-6"))
    assert losses(again)[-6:] == pytest.approx(losses(whole)[-6:], abs=1e-5)
    kinds = {tuple(sorted(state)) for state in again.optimizer.optimizer.state.values()}
    assert kinds == {("momentum_buffer",), ("exp_avg", "exp_avg_sq", "step")}


def test_lora_plus_learns_b_faster_than_a(models: dict[str, Path], tmp_path: Path) -> None:
    config = settings(lora_plus_ratio=16, learning_rate=1e-4)
    trainer = trainer_for(config, models["qwen3"], tmp_path)
    rates: dict[float, list[torch.nn.Parameter]] = {}
    for group in trainer.create_optimizer().param_groups:
        rates.setdefault(group["lr"], []).extend(group["params"])
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    assert {"lora_B" in names[id(p)] for p in rates[16e-4]} == {True}
    assert {"lora_A" in names[id(p)] for p in rates[1e-4]} == {True}


@pytest.mark.parametrize("scheduler", ["linear", "cosine", "constant", "constant_with_warmup"])
def test_a_schedule_warms_up_and_falls_as_it_says(models: dict[str, Path], scheduler: str, tmp_path: Path) -> None:
    config = settings(lr_scheduler=scheduler, warmup_ratio=0.25, logging_steps=1)
    trainer = trainer_for(config, models["qwen3"], tmp_path)
    trainer.train()
    rates = [entry["learning_rate"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(rates) == 12 and max(rates) == pytest.approx(1e-3)
    assert (rates[0] < 1e-3) is (scheduler != "constant")
    assert (rates[-1] < 5e-4) is (scheduler in ("linear", "cosine"))


def test_label_smoothing_raises_the_training_loss_and_leaves_the_validation_alone(
    models: dict[str, Path], tmp_path: Path
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models["qwen3"])
    found = {}
    for share in (0.0, 0.2):
        config = settings(method="full", label_smoothing=share, logging_steps=1, epochs=1, batch_size=24)
        trainer = trainer_for(config, models["qwen3"], tmp_path / f"{share}")
        before = trainer.evaluate(trainer.train_dataset)["eval_loss"]
        trainer.train()
        found[share] = (before, losses(trainer)[0])
    assert found[0.2][0] == pytest.approx(found[0.0][0], abs=1e-5)
    model = load_model(models["qwen3"], settings(method="full"))
    total = smooth = count = 0.0
    for example in prepare(tokenizer, ROWS, settings()).examples:
        logits = model(input_ids=torch.tensor([example.input_ids])).logits[0, :-1].detach()
        labels = torch.tensor(example.labels[1:])
        log = logits[labels >= 0].log_softmax(-1)
        right = log.gather(1, labels[labels >= 0][:, None]).sum()
        total, count = total - float(right), count + len(log)
        smooth -= float(0.8 * right + 0.2 * log.mean(-1).sum())
    assert found[0.0][1] == pytest.approx(total / count, abs=1e-4)
    assert found[0.2][1] == pytest.approx(smooth / count, abs=1e-4)


def test_noise_on_the_embeddings_changes_training_only(models: dict[str, Path], tmp_path: Path) -> None:
    found = []
    for noise in (None, 5):
        config = settings(neftune_noise_alpha=noise, logging_steps=1, epochs=1, lora_dropout=0, batch_size=24)
        trainer = trainer_for(config, models["qwen3"], tmp_path / f"{noise}")
        before = trainer.evaluate(trainer.train_dataset)["eval_loss"]
        trainer.train()
        found.append((before, losses(trainer)[0]))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    assert abs(found[0][1] - found[1][1]) > 1e-3
