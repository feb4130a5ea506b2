"""Reads the header of a GGUF file without trusting it, before llama.cpp opens the file.

Every count, length and offset is checked against the size of the file first, so a broken, cut or hostile file gives an
InputError and never a crash or a huge allocation. Reads no weights.
Source: the GGUF specification (ggml `docs/gguf.md`) and ggml's block sizes (`gguf-py/gguf/constants.py`).
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError, NotFoundError

MAX_KEYS = 65_536
MAX_TENSORS = 1_000_000
MAX_ARRAY_DEPTH = 2
_KEPT_ARRAY = 16  # longer arrays (the vocabulary) are walked over, not kept

# GGUF value types: number → struct code; 8 is a string, 9 an array.
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

# ggml tensor type → (name, weights in a block, bytes of a block)
TENSOR_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
}
# general.file_type → the name people use
FILE_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    25: "IQ4_NL",
    30: "IQ4_XS",
    32: "BF16",
}


@dataclass(frozen=True)
class GgufTensor:
    """One tensor of the file: `shape` has the row length first; `offset` is in bytes from the start of the file."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    bytes: int


@dataclass(frozen=True)
class GgufFacts:
    """What the header says; `bytes` is the size of the file, `quant` the name of its file type ("?" when unknown).

    `kinds` has the GGUF value type of each key, because llama.cpp ends the process on a value of another type than it wants.
    """

    architecture: str
    name: str
    context_length: int
    vocabulary: int
    bytes: int
    quant: str
    chat_template: str | None
    tensors: tuple[GgufTensor, ...]
    metadata: dict[str, Any] = field(repr=False)
    kinds: dict[str, int] = field(repr=False)


class _BadGgufError(Exception):
    pass


def check_gguf(path: Path) -> GgufFacts:
    """Return what the header of `path` says, with every tensor known to lie inside the file.

    Raises NotFoundError when there is no such file and InputError when it is not a whole and sane GGUF file.
    """
    if not path.is_file():
        raise NotFoundError("export.no_gguf_file", path=path)
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise _BadGgufError("it does not begin with GGUF")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _read(data, path)
    except (_BadGgufError, struct.error, UnicodeDecodeError) as problem:
        reason = str(problem) if isinstance(problem, _BadGgufError) else "it ends in the middle of its header"
        raise InputError("export.bad_gguf", path=path, reason=reason) from problem


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.size = len(data)
        self.at = 4

    def number(self, code: str) -> Any:
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def bounds(self, length: int, what: str) -> None:
        if length > self.size - self.at:
            raise _BadGgufError(f"{what} says {length:,} bytes, but only {self.size - self.at:,} are left in the file")

    def string(self, what: str) -> str:
        length = self.number("Q")
        self.bounds(length, what)
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8")

    def skip_strings(self, count: int, what: str) -> None:
        """Go on behind strings nobody needs: a vocabulary has hundreds of thousands."""
        data, at, size, read = self.data, self.at, self.size, struct.Struct("<Q").unpack_from
        for _ in range(count):
            length = read(data, at)[0]
            at += 8
            if length > size - at:
                self.at = at
                self.bounds(length, what)
            at += length
        self.at = at

    def value(self, kind: int, what: str, depth: int = 0) -> Any:
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        if kind == _STRING:
            return self.string(what)
        if kind != _ARRAY or depth >= MAX_ARRAY_DEPTH:
            raise _BadGgufError(f"{what} has the unknown value type {kind}")
        inner, count = self.number("I"), self.number("Q")
        smallest = struct.calcsize("<" + _NUMBERS[inner]) if inner in _NUMBERS else 8
        self.bounds(count * smallest, what)
        if count <= _KEPT_ARRAY:
            return [self.value(inner, what, depth + 1) for _ in range(count)]
        if inner in _NUMBERS:
            self.at += count * smallest
        elif inner == _STRING:
            self.skip_strings(count, what)
        else:
            for _ in range(count):
                self.value(inner, what, depth + 1)
        return count


def _read(data: mmap.mmap, path: Path) -> GgufFacts:
    reader = _Reader(data)
    version, tensor_count, key_count = reader.number("I"), reader.number("Q"), reader.number("Q")
    if version not in (2, 3):
        raise _BadGgufError(f"it has version {version}; 2 and 3 can be read")
    if key_count > MAX_KEYS or tensor_count > MAX_TENSORS or not tensor_count:
        raise _BadGgufError(f"it claims {tensor_count:,} tensors and {key_count:,} keys")
    metadata: dict[str, Any] = {}
    kinds: dict[str, int] = {}
    for _ in range(key_count):
        key = reader.string("the name of a key")
        if key in metadata:
            raise _BadGgufError(f"the key {key[:80]} stands in it twice")
        kinds[key] = reader.number("I")
        metadata[key] = reader.value(kinds[key], f"the key {key[:80]}")
    tensors = _tensors(reader, tensor_count, metadata)
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str):
        raise _BadGgufError("it names no architecture")
    template = metadata.get("tokenizer.chat_template")
    tokens = metadata.get("tokenizer.ggml.tokens", 0)
    context = metadata.get(f"{architecture}.context_length", 0)
    return GgufFacts(
        architecture=architecture,
        name=str(metadata.get("general.name", path.stem)),
        context_length=context if isinstance(context, int) else 0,
        vocabulary=tokens if isinstance(tokens, int) else len(tokens),
        bytes=reader.size,
        quant=FILE_TYPES.get(metadata.get("general.file_type", -1), "?"),
        chat_template=template if isinstance(template, str) else None,
        tensors=tensors,
        metadata=metadata,
        kinds=kinds,
    )


def _tensors(reader: _Reader, count: int, metadata: dict[str, Any]) -> tuple[GgufTensor, ...]:
    found: list[tuple[str, tuple[int, ...], int, int]] = []
    for _ in range(count):
        name = reader.string("the name of a tensor")
        dimensions = reader.number("I")
        if not 1 <= dimensions <= 4:
            raise _BadGgufError(f"the tensor {name[:80]} has {dimensions} dimensions")
        shape = tuple(reader.number("Q") for _ in range(dimensions))
        found.append((name, shape, reader.number("I"), reader.number("Q")))
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1) or alignment > 1 << 20:
        raise _BadGgufError(f"its alignment is {alignment}")
    start = -(-reader.at // alignment) * alignment
    tensors = []
    for name, shape, kind, offset in found:
        if kind not in TENSOR_TYPES:
            raise _BadGgufError(f"the tensor {name[:80]} has the unknown type {kind}")
        type_name, block, block_bytes = TENSOR_TYPES[kind]
        if shape[0] % block:
            raise _BadGgufError(f"the rows of the tensor {name[:80]} are not whole blocks of {block}")
        size = prod(shape) // block * block_bytes
        if offset % alignment or start + offset + size > reader.size:
            raise _BadGgufError(f"the tensor {name[:80]} lies outside the file, which may be cut off")
        tensors.append(GgufTensor(name, shape, type_name, start + offset, size))
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise _BadGgufError("two of its tensors have the same name")
    return tuple(tensors)
