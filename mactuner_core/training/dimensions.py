"""The sizes inside a model that decide what training it costs, read from `config.json` and the headers of its weights.

No weight is loaded and no torch is needed: a folder of many gigabytes is read in milliseconds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.training.targets import matrices_of, targets

# How families name the same sizes in config.json; GPT-2 has names of its own.
NAMES = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "layers": ("num_hidden_layers", "n_layer"),
    "heads": ("num_attention_heads", "n_head"),
    "kv_heads": ("num_key_value_heads",),
    "head_dim": ("head_dim",),
    "intermediate": ("intermediate_size", "n_inner", "ffn_dim"),
    "context": ("max_position_embeddings", "n_positions"),
}
VOCABULARY = ("embed", "wte", "wpe", "lm_head")  # in the names of the matrices that stand outside the blocks


@dataclass(frozen=True)
class Dimensions:
    """A model's sizes; `matrices` are those inside the blocks by name, (out, in), `norms` counts the wide ones of a block."""

    parameters: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    context: int | None
    tied: bool
    norms: int
    head_norms: bool
    fused: bool
    gated: bool
    matrices: Mapping[str, tuple[int, int]]

    @property
    def query(self) -> int:
        """Numbers of all query heads of a token together."""
        return self.heads * self.head_dim

    @property
    def key(self) -> int:
        """Numbers of all key heads of a token together; the values are as many."""
        return self.kv_heads * self.head_dim

    @property
    def in_matrices(self) -> int:
        """Parameters in the matrices of the blocks: what LoRA stands beside and QLoRA puts into four bits."""
        return sum(out * inner for out, inner in self.matrices.values())

    @property
    def embeddings(self) -> int:
        """Parameters of the embedding and of an output head that is apart from it."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    def adapted(self, target_modules: str) -> list[tuple[int, int]]:
        """Return the matrices that get an adapter, (out, in) each."""
        short = {name: name.split(".")[-2] for name in self.matrices}
        chosen = targets(target_modules, sorted(set(short.values())))
        if chosen == "all-linear":
            return list(self.matrices.values())
        wanted = {one.rsplit(".", 1)[-1] for one in chosen}
        return [shape for name, shape in self.matrices.items() if short[name] in wanted]


def read_dimensions(folder: Path) -> Dimensions:
    """Return the sizes of the model in `folder`; raises InputError when it is no model or does not say them."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InputError("models.no_config", path=folder) from problem
    except (OSError, ValueError) as problem:
        raise InputError("models.broken_json", path=folder / "config.json", line=1, reason=problem) from problem
    text = config.get("text_config") if isinstance(config.get("text_config"), dict) else config
    return dimensions_of(text, matrices_of(folder), bool(config.get("tie_word_embeddings", True)))


def dimensions_of(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], tied: bool = True) -> Dimensions:
    """Return the sizes said in `config`, and counted in the `shapes` of the weights by name.

    Raises InputError when `config` does not say width, layers and heads.
    """
    found = {size: next((int(config[n]) for n in names if config.get(n)), 0) for size, names in NAMES.items()}
    if missing := [NAMES[size][0] for size in ("hidden", "layers", "heads") if not found[size]]:
        raise InputError("recommend.no_dimensions", names=", ".join(missing))
    hidden, heads = found["hidden"], found["heads"]
    inside = {
        name: (shape[0], shape[1])
        for name, shape in shapes.items()
        if len(shape) == 2 and name.endswith(".weight") and not any(word in name for word in VOCABULARY)
    }
    short = {name.split(".")[-2] for name in inside}
    wide_norms = sum(shape == (hidden,) and "norm" in name.rsplit(".", 2)[-2] for name, shape in shapes.items())
    return Dimensions(
        parameters=sum(math.prod(shape) for shape in shapes.values()),
        hidden=hidden,
        layers=found["layers"],
        heads=heads,
        kv_heads=found["kv_heads"] or heads,
        head_dim=found["head_dim"] or hidden // heads,
        intermediate=found["intermediate"] or 4 * hidden,
        vocabulary=_vocabulary(config, shapes),
        context=found["context"] or None,
        tied=tied and not any("lm_head" in name or "embed_out" in name for name in shapes),
        norms=max(2, wide_norms // found["layers"]),
        head_norms="q_norm" in {name.split(".")[-2] for name in shapes if "." in name},
        fused=bool(short & {"qkv_proj", "query_key_value", "c_attn", "Wqkv"}),
        gated=any("gate" in name for name in short),
        matrices=inside,
    )


def _vocabulary(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> int:
    embedding = next((s[0] for n, s in shapes.items() if len(s) == 2 and ("embed" in n or "wte" in n)), 0)
    return embedding or int(config.get("vocab_size") or 0)
