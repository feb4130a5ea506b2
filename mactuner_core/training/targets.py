"""Which layers LoRA is put beside: named by the person, or found in the model's own matrices; needs no torch.

Names are short, "q_proj": the last part of a layer's name, the same in every block. The embedding and the output head
stand outside the blocks and are never among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mactuner_core.errors import SettingProblem
from mactuner_core.models.safetensors_header import read_header

# How families name the query and value projections; where one matrix holds query, key and value, that one.
QUERY_AND_VALUE = (
    ("q_proj", "v_proj"),  # Llama, Qwen, Gemma, Mistral, EXAONE, HyperCLOVA X
    ("qkv_proj",),  # Phi-3 and Phi-4
    ("query_key_value",),  # GPT-NeoX (polyglot-ko), BLOOM, Falcon
    ("c_attn",),  # GPT-2
    ("Wqkv",),  # MPT, DBRX
    ("wq", "wv"),
    ("query", "value"),
)


def matrices_of(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor in the safetensors files of `folder` by its name; raises InputError."""
    return {name: one.shape for file in sorted(folder.glob("*.safetensors")) for name, one in read_header(file).items()}


def layer_names(shapes: Mapping[str, Sequence[int]]) -> list[str]:
    """Return the short names of the matrices inside the model's blocks, sorted."""
    found = set()
    for name, shape in shapes.items():
        parts = name.split(".")
        if parts[-1] == "weight" and len(shape) == 2 and len(parts) > 2 and any(part.isdigit() for part in parts):
            found.add(parts[-2])
    return sorted(found)


def targets(wish: str, names: Sequence[str]) -> str | list[str]:
    """Return what PEFT is told for the setting `wish`: "all-linear", or short names out of `names`."""
    if wish == "all-linear":
        return wish
    if wish == "q/v":
        return next((list(group) for group in QUERY_AND_VALUE if set(group) <= set(names)), [])
    return [name.strip() for name in wish.split(",") if name.strip()]


def target_problem(wish: str, names: Sequence[str]) -> SettingProblem | None:
    """Return what is wrong with the setting `wish` for a model whose layers are `names`."""
    chosen = targets(wish, names)
    if chosen == "all-linear":
        return None
    unknown = [name for name in chosen if name.rsplit(".", 1)[-1] not in names]
    if chosen and not unknown:
        return None
    values: dict[str, object] = {
        "name": "target_modules",
        "value": ", ".join(unknown) or wish,
        "found": ", ".join(names) or "–",
    }
    return SettingProblem("training.unknown_target", values)
