"""One tiny model, its adapter and its exported files, made once for all tests of this folder."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.export.convert import convert_adapter, merge_and_convert
from mactuner_core.export.merge import Source
from mactuner_core.export.quantize import quantize
from mactuner_core.export.reference import Reference, make_reference
from mactuner_core.export.verify_adapter import verify_adapter
from tests.tiny_models import lora_adapter, tiny_qwen3


@dataclass(frozen=True)
class Exported:
    source: Source
    merged: Path
    f16: Path
    q8: Path
    q4: Path
    reference: Reference
    stages: list[str]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def adapter(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lora_adapter(tiny, tmp_path_factory.mktemp("adapter") / "adapter")


@pytest.fixture(scope="session")
def exported(tiny: Path, adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("exported")
    source = Source(tiny, adapter)
    stages: list[str] = []
    f16, q8, q4 = (folder / f"tiny-{quant}.gguf" for quant in ("F16", "Q8_0", "Q4_K_M"))
    merge_and_convert(source, f16, scratch=folder / "scratch", name="tiny", on_stage=stages.append)
    quantize(f16, q8, "Q8_0")
    quantize(f16, q4, "Q4_K_M")
    return Exported(source, folder / "scratch" / "merged", f16, q8, q4, make_reference(source), stages)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 kB that fills up; skipped where it cannot be mounted."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root on Linux only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@dataclass(frozen=True)
class Apart:
    """A model and its adapter as two GGUF files, and what the verification says of them."""

    source: Source
    base: Path
    adapter: Path
    report: dict[str, Any]


@pytest.fixture(scope="session")
def convert_apart(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Apart]:
    """Return a function that makes both files of an adapter of PEFT."""

    def make(adapter: Path) -> Apart:
        folder = tmp_path_factory.mktemp("apart")
        source, base, file = Source(tiny, adapter), folder / "tiny-F16.gguf", folder / "tiny-LORA.gguf"
        log = folder / "converter.log"
        convert_adapter(source, base, file, scratch=folder / "scratch", name="a", base_name="tiny", log=log)
        return Apart(source, base, file, verify_adapter(file, base, source))

    return make


@pytest.fixture(scope="session")
def apart(adapter: Path, convert_apart: Callable[[Path], Apart]) -> Apart:
    return convert_apart(adapter)
