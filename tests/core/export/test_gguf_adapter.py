"""Which adapters fit which models, by their headers alone; llama.cpp would end the process on some of the misfits."""

import struct
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.export.gguf_adapter import BASE_SHA256, check_adapter
from tests.core.export.conftest import Apart, Exported

F32, F16, I32 = 0, 1, 26
SIZES = {F32: 4, F16: 2, I32: 4}
Shape = tuple[int, ...]
Q = "blk.0.attn_q.weight"
MODEL: dict[str, tuple[Shape, int]] = {
    "token_embd.weight": ((64, 600), F16),
    "output_norm.weight": ((64,), F32),
    Q: ((64, 32), F16),
    "blk.0.ffn_up_exps.weight": ((64, 128, 8), F16),
}
KEYS = {"general.type": "adapter", "general.architecture": "qwen3", "adapter.type": "lora", "adapter.lora.alpha": 8.0}


def value(given: Any) -> bytes:
    if isinstance(given, bytes):  # as it stands in the file, with its type
        return given
    if isinstance(given, str):
        return struct.pack("<IQ", 8, len(given.encode())) + given.encode()
    return struct.pack("<If", 6, given)


def gguf(path: Path, keys: dict[str, Any], tensors: dict[str, tuple[Shape, int]]) -> Path:
    """Write a GGUF file with zeros for weights."""
    out, at = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(keys)), 0
    for key, given in keys.items():
        out += struct.pack("<Q", len(key)) + key.encode() + value(given)
    for name, (shape, kind) in tensors.items():
        out += struct.pack("<Q", len(name)) + name.encode()
        out += struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, at)
        count = SIZES[kind]
        for side in shape:
            count *= side
        at += -(-count // 32) * 32
    path.write_bytes(out + bytes(-len(out) % 32) + bytes(at))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    keys = {"general.type": "model", "general.architecture": "qwen3", BASE_SHA256: "aa"}
    return gguf(tmp_path / "model.gguf", keys, MODEL)


def pair(name: str = Q, a: Shape = (64, 4), b: Shape = (4, 32), kind: int = F16) -> dict[str, tuple[Shape, int]]:
    return {f"{name}.lora_a": (a, kind), f"{name}.lora_b": (b, F16)}


def code_of(adapter: Path, base: Path) -> str:
    with pytest.raises(InputError) as caught:
        check_adapter(adapter, base)
    assert str(adapter) in caught.value.text("ko")
    assert str(adapter) in caught.value.text("en")
    return caught.value.code


def test_a_real_adapter_fits_its_base_and_no_other(apart: Apart, exported: Exported) -> None:
    facts = check_adapter(apart.adapter, apart.base)
    assert len(facts.tensors) == 8  # q and v of two layers, A and B
    assert code_of(apart.adapter, exported.f16) == "export_adapter.other_base"  # the same shapes, merged already
    assert code_of(apart.base, apart.base) == "export_adapter.not_a_pair"
    assert code_of(apart.adapter, apart.adapter) == "export_adapter.not_a_pair"


@pytest.mark.parametrize(
    "tensors",
    [
        pair(),
        pair(kind=F32),
        pair("blk.0.ffn_up_exps.weight", (64, 4, 8), (4, 128, 8)),
        pair() | {"blk.0.attn_norm.weight": ((64,), F32)},
    ],
)
def test_what_llama_cpp_can_use_is_let_through(model: Path, tmp_path: Path, tensors: dict[str, Any]) -> None:
    assert check_adapter(gguf(tmp_path / "a.gguf", KEYS, tensors), model).architecture == "qwen3"
    untold = gguf(tmp_path / "b.gguf", KEYS | {BASE_SHA256: "aa"}, tensors)
    assert check_adapter(untold, model)


TIED: dict[str, tuple[Shape, int]] = {
    "token_embd.weight.lora_a": ((4, 600), F16),
    "token_embd.weight.lora_b": ((4, 64), F16),
}
MISFITS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "architecture": ("other_architecture", {"general.architecture": "llama"}, pair()),
    "model": ("not_a_pair", {"general.type": "model"}, pair()),
    "form": ("not_a_pair", {"adapter.type": "cvec"}, pair()),
    "form as a number": ("not_a_pair", {"adapter.type": 1.0}, pair()),
    "other weights": ("other_base", {BASE_SHA256: "bb"}, pair()),
    "alpha in 64 bits": ("bad_key", {"adapter.lora.alpha": struct.pack("<Id", 12, 8.0)}, pair()),
    "alpha as a word": ("bad_key", {"adapter.lora.alpha": "8"}, pair()),
    "endless alpha": ("bad_key", {"adapter.lora.alpha": float("inf")}, pair()),
    "alora": ("bad_key", {"adapter.alora.invocation_tokens": struct.pack("<IIQI", 9, 4, 1, 5)}, pair()),
    "one half": ("half_pair", {}, {f"{Q}.lora_a": ((64, 4), F16)}),
    "unknown suffix": ("half_pair", {}, pair() | {"blk.0.attn_q.bias": ((32,), F32)}),
    "suffix twice": ("half_pair", {}, pair() | {f"{Q}.lora_a.lora_a": ((64, 4, 2), F16)}),
    "no such layer": ("no_such_tensor", {}, pair("blk.1.attn_q.weight")),
    "wider": ("wrong_shape", {}, pair(a=(128, 4))),
    "taller": ("wrong_shape", {}, pair(b=(4, 64))),
    "other rank": ("wrong_shape", {}, pair(b=(8, 32))),
    "no rank": ("wrong_shape", {}, pair(a=(64, 0), b=(0, 32))),
    "experts left out": ("wrong_shape", {}, pair("blk.0.ffn_up_exps.weight", (64, 4), (4, 128))),
    "too many experts": ("wrong_shape", {}, pair(a=(64, 4, 2), b=(4, 32, 2))),
    "a vector": ("wrong_shape", {}, pair("output_norm.weight", (64, 4), (4, 1))),
    "whole numbers": ("wrong_shape", {}, pair(kind=I32)),
    "tied embedding": ("tied", {}, TIED),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_misfit_is_refused_with_the_reason(model: Path, tmp_path: Path, name: str) -> None:
    code, keys, tensors = MISFITS[name]
    assert code_of(gguf(tmp_path / "a.gguf", KEYS | keys, tensors), model) == f"export_adapter.{code}"


def test_the_embedding_can_be_adapted_where_the_head_is_another(tmp_path: Path) -> None:
    keys = {"general.architecture": "qwen3"}
    untied = gguf(tmp_path / "model.gguf", keys, MODEL | {"output.weight": ((64, 600), F16)})
    assert check_adapter(gguf(tmp_path / "a.gguf", KEYS, TIED), untied)
    laid_down = pair("token_embd.weight", (64, 4), (4, 600))
    assert code_of(gguf(tmp_path / "b.gguf", KEYS, laid_down), untied) == "export_adapter.wrong_shape"


def test_a_missing_or_broken_file(model: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        check_adapter(tmp_path / "no.gguf", model)
    broken = tmp_path / "a.gguf"
    broken.write_bytes(b"GGUF" + bytes(10))
    assert code_of(broken, model) == "export.bad_gguf"
