"""Tells from two headers whether a LoRA adapter in GGUF form fits a base model, before llama.cpp opens the adapter.

llama.cpp itself refuses another architecture and most wrong shapes with an error. It ends the process on a key of an
unexpected type, and at the first token on what it does not look at: ranks, experts, an adapter of tied embeddings.
Reads no weights. Source: llama.cpp `src/llama-adapter.cpp` and `src/llama-graph.cpp` (build_lora_mm, build_inp_embd).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from mactuner_core.errors import InputError
from mactuner_core.export.gguf_file import GgufFacts, GgufTensor, check_gguf

LORA = "LORA"  # stands where other files of an export have their quantisation
BASE_SHA256 = "mactuner.base.sha256"  # key: the weights that a file was made of, or that an adapter was trained on
_ALPHA, _ALORA, _FLOAT32 = "adapter.lora.alpha", "adapter.alora.invocation_tokens", 6
_TYPES = ("F32", "F16", "BF16", "Q8_0")  # what the converter writes
_EMBEDDING, _HEAD = "token_embd.weight", "output.weight"


def is_adapter(facts: GgufFacts) -> bool:
    """Tell whether a GGUF file is an adapter and no model."""
    return facts.metadata.get("general.type") == "adapter"


def check_adapter(adapter_path: Path, base_path: Path) -> GgufFacts:
    """Return what the header of the adapter says, when llama.cpp can use it with the model in `base_path`.

    Raises NotFoundError when a file is missing and InputError when one is broken, the adapter is no LoRA adapter, or it was
    made for another model.
    """
    adapter, base = check_gguf(adapter_path), check_gguf(base_path)
    kind, form = adapter.metadata.get("general.type"), adapter.metadata.get("adapter.type")
    if not is_adapter(adapter) or form != "lora" or is_adapter(base):
        raise InputError("export_adapter.not_a_pair", adapter=adapter_path, base=base_path, kind=kind, form=form)
    if adapter.architecture != base.architecture:
        values = {"found": adapter.architecture, "wanted": base.architecture}
        raise InputError("export_adapter.other_architecture", adapter=adapter_path, base=base_path, **values)
    if problem := _key_problem(adapter):
        raise InputError("export_adapter.bad_key", adapter=adapter_path, entry=problem)
    _check_tensors(adapter_path, adapter, base_path, base)
    known = [facts.metadata.get(BASE_SHA256) for facts in (adapter, base)]
    if all(known) and known[0] != known[1]:
        name = adapter.metadata.get("general.base_model.0.name", "?")
        raise InputError("export_adapter.other_base", adapter=adapter_path, base=base_path, name=name)
    return adapter


def _key_problem(adapter: GgufFacts) -> str | None:
    """Return the key that llama.cpp would stumble over, or that our server does not act on."""
    if _ALORA in adapter.metadata:
        return _ALORA
    alpha = adapter.metadata.get(_ALPHA, 0.0)
    sound = adapter.kinds.get(_ALPHA, _FLOAT32) == _FLOAT32 and math.isfinite(alpha)
    return None if sound else _ALPHA


def _check_tensors(adapter_path: Path, adapter: GgufFacts, base_path: Path, base: GgufFacts) -> None:
    there = {tensor.name: tensor.shape for tensor in base.tensors}
    for name, a, b in _pairs(adapter):
        values = {"adapter": adapter_path, "base": base_path, "tensor": name[:80]}
        if a is None or b is None:
            raise InputError("export_adapter.half_pair", **values)
        if name not in there:
            raise InputError("export_adapter.no_such_tensor", **values)
        if name == _EMBEDDING and _HEAD not in there:
            raise InputError("export_adapter.tied", **values)
        shapes = " × ".join(map(str, there[name])), f"{_text(a)}, {_text(b)}"
        if a.type not in _TYPES or b.type not in _TYPES or not _fits(name, _whole(there[name]), a, b):
            raise InputError("export_adapter.wrong_shape", **values, wanted=shapes[0], found=shapes[1])


def _pairs(adapter: GgufFacts) -> Iterator[tuple[str, GgufTensor | None, GgufTensor | None]]:
    """Yield (name of the base's tensor, A, B); norms beside them, which llama.cpp leaves out, are left out here too."""
    own = {tensor.name: tensor for tensor in adapter.tensors if not tensor.name.endswith("_norm.weight")}
    names = dict.fromkeys(name[:-7] if name.endswith((".lora_a", ".lora_b")) else name for name in own)
    for name in names:
        yield name, own.get(f"{name}.lora_a"), own.get(f"{name}.lora_b")


def _fits(name: str, base: tuple[int, ...], a: GgufTensor, b: GgufTensor) -> bool:
    """Tell whether B·A has the shape of the base's matrix; shapes have the row length first."""
    down, up = _whole(a.shape), _whole(b.shape)
    if base[1] == 1 or down[2:] != base[2:] or up[2:] != base[2:] or not up[0]:
        return False
    if name == _EMBEDDING:  # rows are looked up in A, so it stands on end
        return (up[1], down[1]) == base[:2] and down[0] == up[0]
    return (down[0], up[1]) == base[:2] and down[1] == up[0]


def _whole(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape + (1,) * (4 - len(shape))


def _text(tensor: GgufTensor) -> str:
    return f"{' × '.join(map(str, tensor.shape))} {tensor.type}"
