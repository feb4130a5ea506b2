"""Methods on shapes of models: the loss falls, and what was trained merges into the base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mactuner_core.export.merge import Source, load_with_adapter, make_merged
from mactuner_core.training.load import load_model
from mactuner_core.training.run import train
from tests.core.training.conftest import ROWS, Heard
from tests.core.training.shapes import settings

METHODS: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "lora": {"method": "lora"},
    "qlora": {"method": "qlora"},
    "dora": {"method": "lora", "use_dora": True},
    "rslora": {"method": "lora", "use_rslora": True},
    "lora_plus": {"method": "lora", "lora_plus_ratio": 16},
    "query_and_value": {"method": "lora", "target_modules": "q/v"},
}
# every method on a model with tied embeddings, every shape with the method that changes most, qlora; `benchmarks` has them all
PAIRS = [("qwen3", method) for method in METHODS] + [("llama", "qlora"), ("gemma3", "qlora"), ("phi3", "qlora")]
PAIRS += [("phi3", "query_and_value")]


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=torch.tensor([[5, 80, 300, 1, 44, 2, 17]])).logits.float()
    return found


def merged_difference(base: Path, adapter: Path, target: Path) -> float:
    """Merge, and return how far the merged model's logits are from those of the base with its adapter."""
    make_merged(Source(base, adapter), target)
    tuned = logits(load_with_adapter(base, adapter, "float32"))
    return float((logits(load_with_adapter(target, None, "float32")) - tuned).abs().max())


@pytest.mark.parametrize(("shape", "method"), PAIRS)
def test_a_method_learns_and_its_result_merges(
    models: dict[str, Path], shape: str, method: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    stats = train(settings(**METHODS[method]), models[shape], ROWS[:20], ROWS[20:], run, Heard())
    least = 0.1 if method == "query_and_value" else 0.8
    assert stats["train_loss"] < stats["train_loss_before"] - least
    if method == "full":
        assert (run / "model" / "model.safetensors").is_file()
        return
    assert merged_difference(models[shape], run / "adapter", tmp_path / "merged") < 1e-4
    for name in ("tokenizer.json", "tokenizer_config.json"):  # the converter to GGUF goes by them
        assert (tmp_path / "merged" / name).read_bytes() == (models[shape] / name).read_bytes()
    tuned, base = (load_with_adapter(models[shape], one, "float32") for one in (run / "adapter", None))
    assert (logits(tuned) - logits(base)).abs().max() > 1e-2


def test_four_bits_learn_as_well_as_all_of_them_even_after_a_validation(
    models: dict[str, Path], tmp_path: Path
) -> None:
    found = {}
    for method in ("lora", "qlora"):
        config = settings(method=method, eval_steps=2)
        found[method] = train(config, models["qwen3"], ROWS[:20], ROWS[20:], tmp_path / method, Heard())["eval_loss"]
    assert found["qlora"] == pytest.approx(found["lora"], abs=0.15)


def test_four_bit_weights_take_a_quarter_of_sixteen(models: dict[str, Path]) -> None:
    model = load_model(models["qwen3"], settings(method="qlora"))
    packed = [p for name, p in model.named_parameters() if "_proj" in name]
    plain = [
        p for name, p in load_model(models["qwen3"], settings(method="lora")).named_parameters() if "_proj" in name
    ]
    assert {p.dtype for p in packed} == {torch.uint8}
    assert sum(p.numel() for p in packed) * 2 == sum(p.numel() for p in plain)
    assert model.config.quantization_config.bnb_4bit_use_double_quant
    assert model.config.quantization_config.bnb_4bit_quant_type == "nf4"
    norms = [p for p in model.parameters() if p.ndim == 1]
    assert norms and all(p.dtype == torch.float32 for p in norms)


@pytest.mark.parametrize(("shape", "tied"), [("qwen3", True), ("llama", False)])
def test_embedding_and_head_are_trained_together_and_merge(
    models: dict[str, Path], shape: str, tied: bool, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(settings(method="lora", train_embeddings=True), models[shape], ROWS, [], run, Heard())
    assert merged_difference(models[shape], run / "adapter", tmp_path / "merged") < 1e-4
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["tie_word_embeddings"] is tied
    ends = [load_with_adapter(folder, None, "float32") for folder in (models[shape], tmp_path / "merged")]
    for weights in zip(
        *([m.get_input_embeddings().weight, m.get_output_embeddings().weight] for m in ends), strict=True
    ):
        assert (weights[0] - weights[1]).abs().max() > 1e-4


@pytest.mark.parametrize("shape", ["qwen3", "llama"])
@pytest.mark.parametrize("there", [True, False], ids=["empty_rows", "missing_rows"])
def test_tokens_that_a_template_added_are_trained_and_merge(
    models: dict[str, Path], shape: str, there: bool, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base, run = tmp_path / "base", tmp_path / "run"
    tokenizer = AutoTokenizer.from_pretrained(models[shape])
    model = AutoModelForCausalLM.from_pretrained(models[shape])
    tokenizer.add_tokens(["<|say|>", "<|done|>", "<|unused|>"], special_tokens=True)
    tokenizer.chat_template = tokenizer.chat_template.replace("<|im_start|>", "<|say|>").replace(
        "<|im_end|>", "<|done|>"
    )
    if there:
        model.resize_token_embeddings(len(tokenizer) + 5, mean_resizing=False)
        for end in (model.get_input_embeddings(), model.get_output_embeddings()):
            end.weight.data[-8:] = 0
    model.save_pretrained(base)
    tokenizer.save_pretrained(base)
    train(settings(method="qlora"), base, ROWS, [], run, Heard())
    new = tokenizer.convert_tokens_to_ids(["<|say|>", "<|done|>"])
    trained = json.loads((run / "adapter" / "adapter_config.json").read_text())["trainable_token_indices"]
    assert trained == ({"embed_tokens": new} if shape == "qwen3" else {"embed_tokens": new, "lm_head": new})
    assert merged_difference(base, run / "adapter", tmp_path / "merged") < 1e-4
    rows = load_with_adapter(tmp_path / "merged", None, "float32").get_input_embeddings().weight
    assert rows.shape[0] == len(tokenizer) + (5 if there else 0)
    assert (rows[new[0]] - rows[new[1]]).abs().max() > 1e-4
