import contextlib
import random
import struct
from pathlib import Path

import pytest

from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.export.gguf_file import check_gguf
from tests.core.export.conftest import Exported
from tests.tiny_models import CHATML_TEMPLATE


def string(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def header(keys: list[bytes], tensors: list[bytes], *, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys)) + b"".join(keys) + b"".join(tensors)


ARCHITECTURE = string(b"general.architecture") + struct.pack("<I", 8) + string(b"qwen3")
TENSOR = string(b"t") + struct.pack("<IQIQ", 1, 8, 0, 0)  # eight float32


def test_the_facts_of_a_real_file(exported: Exported) -> None:
    facts = check_gguf(exported.q4)
    assert (facts.architecture, facts.name, facts.quant) == ("qwen3", "tiny", "Q4_K_M")
    assert (facts.context_length, facts.vocabulary) == (512, 600)
    assert facts.chat_template == CHATML_TEMPLATE
    assert facts.bytes == exported.q4.stat().st_size
    assert len(facts.tensors) == 24
    assert {tensor.name: tensor.shape for tensor in facts.tensors}["token_embd.weight"] == (64, 600)


def test_a_hand_made_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    start = header([ARCHITECTURE], [TENSOR])
    file.write_bytes(start + b"\0" * (-len(start) % 32) + b"\0" * 32)
    assert check_gguf(file).tensors[0].bytes == 32


@pytest.mark.parametrize("share", [0.0, 0.00002, 0.001, 0.03, 0.2, 0.9, 0.9999])
def test_a_file_cut_off_anywhere_is_refused(exported: Exported, tmp_path: Path, share: float) -> None:
    whole = exported.q4.read_bytes()
    file = tmp_path / "cut.gguf"
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError) as caught:
        check_gguf(file)
    assert caught.value.code == "export.bad_gguf"


HUGE = 2**62
HOSTILE = {
    "not gguf": b"MZ" + b"\0" * 100,
    "old version": header([ARCHITECTURE], [TENSOR], version=1),
    "byte order": b"GGUF" + struct.pack(">IQQ", 3, 1, 1) + ARCHITECTURE,
    "many keys": b"GGUF" + struct.pack("<IQQ", 3, 1, HUGE),
    "many tensors": b"GGUF" + struct.pack("<IQQ", 3, HUGE, 1) + ARCHITECTURE,
    "no tensors": header([ARCHITECTURE], []),
    "long key": header([struct.pack("<Q", HUGE) + b"x"], [TENSOR]),
    "negative length": header([struct.pack("<q", -1) + b"x"], [TENSOR]),
    "long string": header([string(b"k") + struct.pack("<IQ", 8, HUGE)], [TENSOR]),
    "long array": header([string(b"k") + struct.pack("<IIQ", 9, 4, HUGE)], [TENSOR]),
    "array of strings": header([string(b"k") + struct.pack("<IIQ", 9, 8, HUGE)], [TENSOR]),
    "nested arrays": header([string(b"k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 50], [TENSOR]),
    "unknown type": header([string(b"k") + struct.pack("<I", 77)], [TENSOR]),
    "unknown array type": header([string(b"k") + struct.pack("<IIQ", 9, 77, 1) + b"\0" * 8], [TENSOR]),
    "same key twice": header([ARCHITECTURE, ARCHITECTURE], [TENSOR]),
    "not utf-8": header([string(b"\xff\xfe") + struct.pack("<IB", 0, 1)], [TENSOR]),
    "no architecture": header([string(b"k") + struct.pack("<IB", 0, 1)], [TENSOR]) + b"\0" * 96,
    "five dimensions": header([ARCHITECTURE], [string(b"t") + struct.pack("<I", 5) + b"\1" * 60]),
    "unknown tensor type": header([ARCHITECTURE], [string(b"t") + struct.pack("<IQIQ", 1, 8, 99, 0)]) + b"\0" * 96,
    "huge tensor": header([ARCHITECTURE], [string(b"t") + struct.pack("<IQQIQ", 2, HUGE, HUGE, 0, 0)]) + b"\0" * 96,
    "far offset": header([ARCHITECTURE], [string(b"t") + struct.pack("<IQIQ", 1, 8, 0, HUGE)]) + b"\0" * 96,
    "odd offset": header([ARCHITECTURE], [string(b"t") + struct.pack("<IQIQ", 1, 8, 0, 1)]) + b"\0" * 96,
    "part of a block": header([ARCHITECTURE], [string(b"t") + struct.pack("<IQIQ", 1, 8, 12, 0)]) + b"\0" * 9600,
    "same tensor twice": header([ARCHITECTURE], [TENSOR, TENSOR]) + b"\0" * 96,
    "alignment": header(
        [ARCHITECTURE, string(b"general.alignment") + struct.pack("<II", 4, 0)], [TENSOR]
    ) + b"\0" * 96,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "hostile.gguf"
    file.write_bytes(HOSTILE[name])
    with pytest.raises(InputError) as caught:
        check_gguf(file)
    assert caught.value.code == "export.bad_gguf"
    assert str(file) in caught.value.text("ko")


def test_random_changes_never_raise_anything_else(exported: Exported, tmp_path: Path) -> None:
    whole = exported.q4.read_bytes()
    file = tmp_path / "changed.gguf"
    for seed in range(300):
        chance = random.Random(seed)
        changed = bytearray(whole[:20_000])
        for _ in range(chance.randrange(1, 6)):
            changed[chance.randrange(4, 18_000 if seed % 2 else 400)] = chance.randrange(256)
        file.write_bytes(bytes(changed) + whole[20_000:])
        with contextlib.suppress(InputError):
            check_gguf(file)


def test_a_missing_or_empty_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        check_gguf(tmp_path / "no.gguf")
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(InputError):
        check_gguf(tmp_path / "empty.gguf")
