"""The memory that is counted before a run, against what real models keep: activations, adapters, parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mactuner_core.errors import InputError
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.dimensions import Dimensions, dimensions_of, read_dimensions
from mactuner_core.training.memory import Memory, adapter_parameters, block_bytes_per_token, memory_of
from tests.hollow_models import LLAMA_8B, hollow_model

SHAPES = ("qwen3", "llama", "gemma", "phi")
ROWS, LENGTH = 3, 40
KINDS: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "lora": {"method": "lora"},
    "lora without dropout": {"method": "lora", "lora_dropout": 0.0},
}


def settings(**values: Any) -> TrainingConfig:
    return TrainingConfig.check({"model": "m", "dataset": "d", "lora_rank": 4, "lora_alpha": 8} | values)


def tiny(shape: str, layers: int) -> Any:
    """Return a random model of a family, float32."""
    import torch
    import transformers

    sizes = {
        "vocab_size": 300, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": layers,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "pad_token_id": 0,
        "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    kind = {"qwen3": "Qwen3Config", "llama": "LlamaConfig", "gemma": "Gemma3TextConfig", "phi": "Phi3Config"}[shape]
    if shape in ("qwen3", "gemma"):
        sizes["head_dim"] = 32
    config = getattr(transformers, kind)(**sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def sizes_of(model: Any) -> Dimensions:
    config = model.config.to_dict()
    return dimensions_of(
        config, {n: tuple(p.shape) for n, p in model.named_parameters()}, bool(config["tie_word_embeddings"])
    )


def with_adapter(model: Any, config: TrainingConfig) -> Any:
    from peft import LoraConfig, get_peft_model

    if config.method == "full":
        return model
    lora = LoraConfig(
        r=config.lora_rank, lora_dropout=config.lora_dropout, target_modules="all-linear", use_dora=config.use_dora,
        task_type="CAUSAL_LM",
    )  # fmt: skip
    return get_peft_model(model, lora)


def kept_by_autograd(model: Any) -> float:
    """Return the bytes that a forward pass keeps for the backward pass, for each token, weights not counted."""
    import torch

    model.train()
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = (
                storage.nbytes(),
                tensor,
            )  # the tensor is held, so that the address stays its own
        return tensor

    ids = torch.randint(3, 300, (ROWS, LENGTH), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[0, -5:] = 0
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = model(input_ids=ids, attention_mask=mask, use_cache=False)
    assert out.logits is not None
    return float(sum(size for size, _ in kept.values())) / (ROWS * LENGTH)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_activations_are_what_autograd_keeps(shape: str, kind: str) -> None:
    config = settings(**KINDS[kind])
    one, two = (kept_by_autograd(with_adapter(tiny(shape, layers), config)) for layers in (2, 3))
    counted = block_bytes_per_token(sizes_of(tiny(shape, 2)), config, LENGTH)
    assert counted == pytest.approx(two - one, rel=0.02)


@pytest.mark.parametrize("use_dora", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_adapters_have_as_many_numbers_as_peft_makes(shape: str, use_dora: bool) -> None:
    config, model = settings(use_dora=use_dora), tiny(shape, 2)
    sizes = sizes_of(model)
    assert sizes.parameters == model.num_parameters()
    made = with_adapter(model, config)
    assert adapter_parameters(sizes, config) == made.get_nb_trainable_parameters()[0]


def test_only_query_and_value_are_counted_when_only_they_are_adapted() -> None:
    sizes = sizes_of(tiny("llama", 2))
    both = 2 * (4 * (64 + 64) + 4 * (64 + 32))  # two blocks, rank 4: query 64 to 64, value 64 to 32
    assert adapter_parameters(sizes, settings(target_modules="q/v")) == both
    assert adapter_parameters(sizes, settings(target_modules="v_proj")) == 2 * 4 * (64 + 32)


def test_sizes_are_read_from_a_folder_without_its_weights(tmp_path: Path) -> None:
    parameters = hollow_model(tmp_path / "big", LLAMA_8B)
    sizes = read_dimensions(tmp_path / "big")
    assert sizes.parameters == parameters == 8_030_261_248
    assert sizes.embeddings == 2 * 128256 * 4096 and not sizes.tied and sizes.gated
    assert len(sizes.matrices) == 32 * 7 and sizes.context == 8192


def test_a_folder_without_sizes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        read_dimensions(tmp_path)
    assert raised.value.code == "models.no_config"
    (tmp_path / "config.json").write_text('{"hidden_size": 8}', encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_dimensions(tmp_path)
    assert raised.value.values["names"] == "num_hidden_layers, num_attention_heads"


def big(tmp_path: Path, device: str = "cuda", **values: Any) -> Memory:
    folder = tmp_path / "big"
    if not folder.exists():
        hollow_model(folder, LLAMA_8B)
    return memory_of(read_dimensions(folder), settings(**values), 512, device)  # type: ignore[arg-type]


def test_each_method_needs_less_than_the_one_before(tmp_path: Path) -> None:
    full, lora, qlora = (big(tmp_path, method=method) for method in ("full", "lora", "qlora"))
    assert full.weights == 4 * 8_030_261_248
    assert full.optimizer == 2 * full.weights
    assert 16.0e9 < lora.weights < 16.3e9
    assert 5.6e9 < qlora.weights < 5.8e9  # 7 billion in 4.13 bits, the vocabulary's two matrices in 16
    assert qlora.total < 8 * 2**30


@pytest.mark.parametrize(
    ("less", "more", "part"),
    [
        ({"gradient_checkpointing": True}, {"gradient_checkpointing": False}, "activations"),
        ({"batch_size": 2}, {"batch_size": 4}, "activations"),
        ({"max_length": 256}, {"max_length": 512}, "activations"),
        ({"use_dora": False}, {"use_dora": True}, "activations"),
        ({"objective": "sft"}, {"objective": "dpo"}, "activations"),
        ({"optimizer": "adamw_8bit"}, {"optimizer": "adamw"}, "optimizer"),
        ({"optimizer": "adafactor"}, {"optimizer": "adamw_8bit"}, "optimizer"),
        ({"lora_rank": 4}, {"lora_rank": 8}, "optimizer"),
        ({"train_embeddings": False}, {"train_embeddings": True}, "optimizer"),
    ],
)
def test_each_setting_moves_its_part(tmp_path: Path, less: dict[str, Any], more: dict[str, Any], part: str) -> None:
    first, second = (big(tmp_path, **one) for one in (less, more))
    assert getattr(first, part) < getattr(second, part)
    assert first.total < second.total


def test_accumulated_gradients_are_there_from_the_beginning(tmp_path: Path) -> None:
    once = big(tmp_path, method="full", gradient_checkpointing=False, batch_size=16)
    often = big(tmp_path, method="full", gradient_checkpointing=False, batch_size=16, gradient_accumulation=2)
    assert often.gradients > once.gradients
