"""One plain Hugging Face folder of what is exported: the adapter merged into its base, or the full model as it is.

Imports torch only inside `merge`, which the worker process calls. Does not convert.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.hardware import available_memory_bytes
from mactuner_core.models.tokenizer_files import TOKENIZER_FILES, copy_tokenizer, tokenizer_folder
from mactuner_core.models.vocabulary import grow_vocabulary


@dataclass(frozen=True)
class Source:
    """What is exported: the folder of a whole model and, for a LoRA run, the folder of the adapter over it."""

    model: Path
    adapter: Path | None = None

    @property
    def tokenizer(self) -> Path:
        """The folder the tokenizer and the chat template come from: the adapter's when it was saved with its own."""
        return tokenizer_folder(self.model, self.adapter)

    @property
    def weight_bytes(self) -> int:
        """The bytes of the model's safetensors files."""
        return sum(file.stat().st_size for file in self.model.glob("*.safetensors"))


def make_merged(source: Source, target: Path) -> str:
    """Write the folder `target` that the converter reads and return the type of its weights, such as "float32".

    A full model's files are linked, not copied. Raises InputError when the adapter does not fit the model.
    """
    target.mkdir(parents=True)
    if source.adapter is None:
        for file in source.model.iterdir():
            if file.is_file() and file.name not in TOKENIZER_FILES:
                (target / file.name).symlink_to(file.resolve())
        dtype = _config(source.model).get("dtype") or _config(source.model).get("torch_dtype") or "float32"
    else:
        dtype = _merge(source.model, source.adapter, target)
    copy_tokenizer(source.tokenizer, target)
    return str(dtype)


def load_dtype(model: Path) -> str:
    """Return "float32" when the model fits into half of the free memory that way, else the type it is stored in.

    float32 rounds once, at the end; a merge in bfloat16 loses the small part of each weight that LoRA changed.
    """
    weight_bytes = Source(model).weight_bytes
    stored = str(_config(model).get("dtype") or _config(model).get("torch_dtype") or "float32")
    in_float32 = weight_bytes * (2 if "16" in stored else 1)
    return "float32" if in_float32 < available_memory_bytes() / 2 else stored


def load_with_adapter(model: Path, adapter: Path | None, dtype: str) -> Any:
    """Return the transformers model in `dtype` on the CPU, wrapped by PEFT when there is an adapter.

    Raises InputError when the adapter was made for another model or its weights are not safetensors.
    """
    import torch
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype), low_cpu_mem_usage=True)
    if adapter is None:
        return base.eval()
    if not (adapter / "adapter_model.safetensors").is_file():
        raise InputError("export.adapter_without_weights", adapter=adapter)
    from peft import PeftModel
    from transformers import AutoTokenizer

    # a run gives the model a row for each token that its template added
    grow_vocabulary(base, AutoTokenizer.from_pretrained(tokenizer_folder(model, adapter)))
    try:
        return PeftModel.from_pretrained(base, str(adapter)).eval()
    except (RuntimeError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:300]
        raise InputError("export.adapter_mismatch", adapter=adapter, model=model, reason=reason) from problem


def _merge(model: Path, adapter: Path, target: Path) -> str:
    dtype = load_dtype(model)
    tuned = load_with_adapter(model, adapter, dtype)
    _untie_where_trained_apart(tuned)
    try:
        merged = tuned.merge_and_unload(safe_merge=True)
    except ValueError as problem:  # safe_merge found a NaN
        raise InputError("export.adapter_broken", adapter=adapter, reason=str(problem)) from problem
    merged.save_pretrained(target)
    return dtype


def _untie_where_trained_apart(tuned: Any) -> None:
    """Give `lm_head` weights of its own when it or the embedding was trained and the two are tied.

    Tied weights are one tensor: merging into one of them would silently change the other, and saving would drop it.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils import ModulesToSaveWrapper
    from torch.nn import Parameter

    base = tuned.get_base_model()
    config = base.config
    if not getattr(config, "tie_word_embeddings", False):
        return
    ends = (base.get_input_embeddings(), base.get_output_embeddings())
    if not any(isinstance(module, BaseTunerLayer | ModulesToSaveWrapper) for module in ends):
        return
    if all(isinstance(module, ModulesToSaveWrapper) for module in ends) and ends[0].weight is ends[1].weight:
        return  # trained as one
    plain = ends[1].get_base_layer() if isinstance(ends[1], BaseTunerLayer) else ends[1]
    plain = plain.original_module if isinstance(plain, ModulesToSaveWrapper) else plain
    plain.weight = Parameter(plain.weight.detach().clone(), requires_grad=False)
    config.tie_word_embeddings = False


def _config(model: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((model / "config.json").read_text(encoding="utf-8"))
    return data
