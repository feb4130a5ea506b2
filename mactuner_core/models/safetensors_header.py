"""Reading the header of a safetensors file and proving that the file is whole, without loading a single weight.

Source: https://github.com/huggingface/safetensors#format. Does not look at the values of the weights.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError

MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """One tensor as the header describes it."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


def read_header(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name.

    Raises InputError when the header is not valid, a tensor lies outside the file or on another one, or bytes are missing.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(MAX_HEADER_BYTES, size - 8):
            raise _broken(path, "the file is shorter than its header says")
        raw = file.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise _broken(path, "the header is not valid JSON") from problem
    if not isinstance(header, dict):
        raise _broken(path, "the header is not a table of tensors")
    header.pop("__metadata__", None)
    if not header:
        raise _broken(path, "it holds no tensor")
    spans = sorted(_span(path, name, entry) for name, entry in header.items())
    position = 0
    for begin, end, name in spans:
        if begin != position:
            raise _broken(path, f"the tensor {name} does not begin where the one before it ends")
        position = end
    if position != size - 8 - length:
        raise _broken(path, f"{position + 8 + length} bytes expected, {size} found")
    return {name: Tensor(entry["dtype"], tuple(entry["shape"])) for name, entry in header.items()}


def _span(path: Path, name: str, entry: Any) -> tuple[int, int, str]:
    try:
        begin, end = entry["data_offsets"]
        bits = BITS[entry["dtype"]] * math.prod(entry["shape"])
        sound = 0 <= begin <= end and bits == (end - begin) * 8 and all(side >= 0 for side in entry["shape"])
    except (KeyError, TypeError, ValueError) as problem:
        raise _broken(path, f"the entry of {name} cannot be read") from problem
    if not sound:
        raise _broken(path, f"the bytes of {name} do not fit its shape and type")
    return begin, end, name


def _broken(path: Path, reason: str) -> InputError:
    return InputError("models.broken_weights", path=path, reason=reason)
