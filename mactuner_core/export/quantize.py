"""Smaller GGUF files from the F16 one, by llama.cpp in this process.

The names and file types are llama.cpp's. Types below three bits and the IQ types with an importance matrix are left out:
without one they spoil a model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.errors import InputError, WorkError
from mactuner_core.export.convert import disk_full, is_disk_full
from mactuner_core.export.gguf_file import GgufFacts
from mactuner_core.hardware import detect

POLL_S = 0.1


@dataclass(frozen=True)
class Quant:
    """A kind of GGUF file: llama.cpp's number for it and its size in bits a weight, about."""

    name: str
    file_type: int
    bits: float
    block: int


QUANTS = {
    quant.name: quant
    for quant in (
        Quant("F16", 1, 16.0, 1),
        Quant("Q8_0", 7, 8.5, 32),
        Quant("Q6_K", 18, 6.6, 256),
        Quant("Q5_K_M", 17, 5.7, 256),
        Quant("Q5_K_S", 16, 5.5, 256),
        Quant("Q5_0", 8, 5.5, 32),
        Quant("Q4_K_M", 15, 4.9, 256),
        Quant("Q4_K_S", 14, 4.6, 256),
        Quant("Q4_0", 2, 4.6, 32),
        Quant("IQ4_NL", 25, 4.5, 32),
        Quant("IQ4_XS", 30, 4.3, 256),
        Quant("Q3_K_M", 12, 3.9, 256),
    )
}


def check_quants(names: Sequence[str]) -> list[str]:
    """Return the names in upper case without repeats; raises InputError for an unknown one, listing what is allowed."""
    wanted = list(dict.fromkeys(name.strip().upper() for name in names if name.strip()))
    unknown = [name for name in wanted if name not in QUANTS]
    if unknown or not wanted:
        raise InputError("export.unknown_quant", quant=", ".join(unknown) or "–", allowed=", ".join(QUANTS))
    return wanted


def fallback_tensors(f16: GgufFacts, quant: str) -> int:
    """Return how many matrices of `f16` have rows that are not whole blocks, and so get a larger type than `quant`."""
    block = QUANTS[quant].block
    return sum(len(tensor.shape) > 1 and tensor.shape[0] % block != 0 for tensor in f16.tensors)


def quantize(source: Path, target: Path, quant: str, *, check: Callable[[], None] = lambda: None) -> None:
    """Write `target` from the F16 file `source` with the type `quant`.

    `check` is called ten times a second and may raise to leave; the half file is then removed (the C call itself cannot be
    ended before its process). Raises WorkError when llama.cpp cannot do it or the disk is full.
    """
    results: list[tuple[int, str]] = []
    thread = threading.Thread(target=lambda: results.append(_quantize(source, target, quant)), daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            check()
            thread.join(POLL_S)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    code, said = results[0] if results else (1, "")
    if code == 0:
        return
    target.unlink(missing_ok=True)
    if is_disk_full(target.parent, said):
        raise disk_full(target.parent)
    raise WorkError("export.quantize_failed", quant=quant, reason=" ".join(said.split())[-300:] or "–")


def _quantize(source: Path, target: Path, quant: str) -> tuple[int, str]:
    import llama_cpp

    from mactuner_core.export.llama_log import captured_log

    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = QUANTS[quant].file_type
    settings.nthread = detect().cores
    with captured_log() as lines:
        code = int(llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), settings))
    return code, "".join(lines[-20:])
