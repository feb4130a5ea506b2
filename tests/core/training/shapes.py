"""Tiny random models in the shapes of Qwen3, Llama, Gemma 3 and Phi-3, all with the same small tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mactuner_core.training.config import TrainingConfig
from tests.tiny_models import write_tokenizer

SHAPES = ("qwen3", "llama", "gemma3", "phi3")


def tiny(shape: str, folder: Path) -> Path:
    """Write a two-layer model of `shape` with 64 dimensions into `folder` and return `folder`."""
    import torch
    from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, Phi3Config, Qwen3Config

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, special = write_tokenizer(folder, 400)
    if shape == "phi3":  # as Phi-4 says; the converter to GGUF takes other Phi models for sentencepiece ones
        settings_file = folder / "tokenizer_config.json"
        values = json.loads(settings_file.read_text(encoding="utf-8")) | {"tokenizer_class": "GPT2Tokenizer"}
        settings_file.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    common: dict[str, Any] = {
        "vocab_size": vocabulary, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 256, "initializer_range": 0.08,
        "bos_token_id": special["<|endoftext|>"], "eos_token_id": special["<|im_end|>"],
        "pad_token_id": special["<|endoftext|>"],
    }  # fmt: skip
    config = {
        "qwen3": lambda: Qwen3Config(head_dim=32, tie_word_embeddings=True, **common),
        "llama": lambda: LlamaConfig(tie_word_embeddings=False, **common),
        "gemma3": lambda: Gemma3TextConfig(
            head_dim=32, query_pre_attn_scalar=32, tie_word_embeddings=True, sliding_window=64, **common
        ),
        "phi3": lambda: Phi3Config(tie_word_embeddings=False, sliding_window=None, **common),
    }[shape]()  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def settings(**values: Any) -> TrainingConfig:
    """Return settings with which a tiny model learns `ROWS` a good way in a dozen steps."""
    base = {"model": "m", "dataset": "d", "method": "lora", "batch_size": 8, "epochs": 4, "learning_rate": 1e-3}
    base |= {"max_length": 128, "gradient_checkpointing": False, "lora_rank": 8, "lora_alpha": 32}
    return TrainingConfig.check(base | values)
