"""Models of any size as their files describe them, without the weights: the headers are real, the bytes behind are a hole."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

# The sizes of Qwen/Qwen3-0.6B, meta-llama/Llama-3.1-8B and Qwen/Qwen3-32B, from their config.json.
QWEN3_06B = {"hidden": 1024, "inner": 3072, "layers": 28, "heads": 16, "kv": 8, "head": 128, "vocabulary": 151936}
LLAMA_8B = {"hidden": 4096, "inner": 14336, "layers": 32, "heads": 32, "kv": 8, "head": 128, "vocabulary": 128256}
QWEN3_32B = {"hidden": 5120, "inner": 25600, "layers": 64, "heads": 64, "kv": 8, "head": 128, "vocabulary": 151936}


def hollow_model(folder: Path, sizes: dict[str, int], *, tied: bool = False) -> int:
    """Write `config.json` and a safetensors file of `sizes` in bfloat16 into `folder`; return the number of parameters."""
    folder.mkdir(parents=True)
    config: dict[str, Any] = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": sizes["hidden"],
        "intermediate_size": sizes["inner"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes["kv"],
        "head_dim": sizes["head"],
        "vocab_size": sizes["vocabulary"],
        "max_position_embeddings": 8192,
        "tie_word_embeddings": tied,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    header, place = {}, 0
    for name, shape in _shapes(sizes, tied).items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [place, place + size]}
        place += size
    raw = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + place)
    return place // 2


def _shapes(sizes: dict[str, int], tied: bool) -> dict[str, list[int]]:
    hidden, inner, vocabulary = sizes["hidden"], sizes["inner"], sizes["vocabulary"]
    query, key = sizes["heads"] * sizes["head"], sizes["kv"] * sizes["head"]
    shapes = {"model.embed_tokens.weight": [vocabulary, hidden], "model.norm.weight": [hidden]}
    if not tied:
        shapes["lm_head.weight"] = [vocabulary, hidden]
    for number in range(sizes["layers"]):
        block = f"model.layers.{number}."
        shapes |= {
            block + "input_layernorm.weight": [hidden],
            block + "post_attention_layernorm.weight": [hidden],
            block + "self_attn.q_proj.weight": [query, hidden],
            block + "self_attn.k_proj.weight": [key, hidden],
            block + "self_attn.v_proj.weight": [key, hidden],
            block + "self_attn.o_proj.weight": [hidden, query],
            block + "mlp.gate_proj.weight": [inner, hidden],
            block + "mlp.up_proj.weight": [inner, hidden],
            block + "mlp.down_proj.weight": [hidden, inner],
        }
    return shapes
