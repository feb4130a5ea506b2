"""Packed rows: no example sees into another, the loss is that of the examples alone, and a model that mixes is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, MambaConfig, TrainerCallback

from mactuner_core.errors import InputError
from mactuner_core.training.assemble import make_trainer
from mactuner_core.training.load import load_model
from mactuner_core.training.loss_mask import IGNORED
from mactuner_core.training.packing import PackedCollator, refuse_leaks
from mactuner_core.training.prepare import prepare
from tests.core.training.conftest import ROWS
from tests.core.training.shapes import SHAPES, settings


@pytest.mark.parametrize("shape", SHAPES)
def test_examples_of_a_packed_row_are_computed_as_alone(models: dict[str, Path], shape: str) -> None:
    refuse_leaks(load_model(models[shape], settings()), 0)


def test_a_model_whose_layers_run_over_the_whole_row_is_refused() -> None:
    config = MambaConfig(vocab_size=400, hidden_size=32, num_hidden_layers=1, state_size=4)
    with torch.random.fork_rng(devices=[]), pytest.raises(InputError) as raised:
        refuse_leaks(AutoModelForCausalLM.from_config(config), 0)
    assert raised.value.code == "training.packing_leaks"
    assert "MambaForCausalLM" in raised.value.text("ko")


def test_a_model_that_is_deaf_to_positions_is_refused(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(models["llama"], settings())
    forward = model.forward
    monkeypatch.setattr(model, "forward", lambda position_ids=None, **given: forward(**given))
    with pytest.raises(InputError):
        refuse_leaks(model, 0)


@pytest.mark.parametrize("limit", [2**30, 0], ids=["our_loss", "their_loss"])
def test_packed_rows_cost_and_count_what_their_examples_do(
    models: dict[str, Path], limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mactuner_core.training.trainer.SMALL_LOGITS_BYTES", limit)
    tokenizer = AutoTokenizer.from_pretrained(models["qwen3"])
    found: list[tuple[float, float, int]] = []
    for packing in (False, True):
        config = settings(packing=packing, logging_steps=1, epochs=1, batch_size=24, lora_dropout=0, method="full")
        model, examples = load_model(models["qwen3"], config), prepare(tokenizer, ROWS, config).examples
        run = tmp_path / f"{packing}"
        trainer: Any = make_trainer(config, model, tokenizer, examples, examples[:3], run, TrainerCallback())
        assert (len(trainer.train_dataset) < len(ROWS)) is packing
        trainer.train()
        entry = next(entry for entry in trainer.state.log_history if "loss" in entry)
        found.append((entry["loss"], trainer.evaluate()["eval_loss"], entry["num_tokens"]))
    assert found[1][:2] == pytest.approx(found[0][:2], abs=1e-4)
    assert found[1][2] == found[0][2] == sum(len(example.input_ids) for example in examples)


def test_nothing_is_learned_across_the_border_of_two_examples() -> None:
    rows = [{"input_ids": [5, 6, 7, 8], "labels": [5, 6, 7, 8], "seq_lengths": [3, 1]}]
    rows.append({"input_ids": [9, 10], "labels": [9, 10], "seq_lengths": [2]})
    batch = PackedCollator(0).torch_call(rows)
    assert batch["labels"].tolist() == [[IGNORED, 6, 7, IGNORED], [IGNORED, 10, IGNORED, IGNORED]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0], [0, 1, 0, 0]]
    assert batch["tokens"] == 6
