"""Whether what a run learned fits into a GGUF adapter, and the folder that llama.cpp's converter reads it from.

A GGUF adapter holds two matrices for each layer and one number, alpha; llama.cpp multiplies with alpha / rank. All else
that a run may have learned needs the merged export. Needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.export.merge import Source
from mactuner_core.models.check import read_json
from mactuner_core.models.safetensors_header import read_header
from mactuner_core.workspace import write_json, write_text

_MATRICES = ("lora_A.weight", "lora_B.weight")
_READ_BYTES = 1 << 20


def check_adapter_source(source: Source, ref: str) -> None:
    """Raise InputError, saying why, when the adapter of `source` cannot be a GGUF adapter; `ref` is the run's name."""
    if source.adapter is None:
        raise InputError("export_adapter.no_adapter", ref=ref)
    weights = source.adapter / "adapter_model.safetensors"
    if not weights.is_file():
        raise InputError("export.adapter_without_weights", adapter=source.adapter)
    if found := _beyond_lora(read_json(source.adapter / "adapter_config.json")):
        raise InputError("export_adapter.beyond_lora", ref=ref, found=", ".join(found))
    # PEFT saves the embedding and the head when either was touched, also where only LoRA's matrices were trained on it
    others = [name for name in read_header(weights) if not name.endswith(_MATRICES)]
    if others or _longer_vocabulary(source):
        raise InputError("export_adapter.vocabulary", ref=ref)


def write_adapter_folder(adapter: Path, folder: Path, name: str) -> Path:
    """Make the folder that the converter reads, with alpha such that alpha / rank is the factor PEFT trained with.

    rsLoRA's factor is alpha / √rank, which the converter does not know of.
    """
    config = read_json(adapter / "adapter_config.json")
    if config.get("use_rslora"):
        config["lora_alpha"] = config["lora_alpha"] * math.sqrt(config["r"])
    folder.mkdir(parents=True)
    write_json(folder / "adapter_config.json", config)
    write_text(folder / "README.md", f"---\n{json.dumps({'name': name}, ensure_ascii=False)}\n---\n")
    (folder / "adapter_model.safetensors").symlink_to((adapter / "adapter_model.safetensors").resolve())
    return folder


def fingerprint(source: Source) -> str:
    """Return one SHA-256 over configuration and weights of the model, and of the adapter over it where there is one."""
    found = hashlib.sha256()
    files = [source.model / "config.json", *sorted(source.model.glob("*.safetensors"))]
    for file in [*files, *([source.adapter / "adapter_model.safetensors"] if source.adapter else [])]:
        found.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as data:
            while block := data.read(_READ_BYTES):
                found.update(block)
    return found.hexdigest()


def _beyond_lora(config: dict[str, Any]) -> list[str]:
    """Return the names of what the adapter does beside LoRA with one alpha."""
    traits = {
        str(config.get("peft_type")): config.get("peft_type") != "LORA",
        "DoRA": config.get("use_dora"),
        "bias": config.get("bias", "none") != "none" or config.get("lora_bias"),
        "aLoRA": config.get("alora_invocation_tokens"),
        "alpha_pattern": config.get("alpha_pattern"),
        "rsLoRA + rank_pattern": config.get("use_rslora") and config.get("rank_pattern"),
    }
    return [name for name, there in traits.items() if there]


def _longer_vocabulary(source: Source) -> bool:
    """Tell whether the adapter's tokenizer knows other tokens than the model's."""
    if source.tokenizer == source.model:
        return False
    return _tokens(source.tokenizer / "tokenizer.json") != _tokens(source.model / "tokenizer.json")


def _tokens(file: Path) -> object:
    """Return every token of a tokenizer.json with its id, None where there is no such file."""
    if not file.is_file():
        return None
    data = read_json(file)
    return data["model"].get("vocab"), {token["id"]: token["content"] for token in data.get("added_tokens", [])}
