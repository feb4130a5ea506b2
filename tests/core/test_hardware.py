"""Hardware detection gives a value and a reason, and needs no torch."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from mactuner_core import hardware
from mactuner_core.messages import catalogue


@pytest.fixture(autouse=True)
def fresh_detection() -> None:
    hardware.detect.cache_clear()


def test_the_reason_is_a_text_and_memory_is_real() -> None:
    found = hardware.detect()
    assert found.reason in catalogue()
    assert found.memory_bytes > 10**8
    assert 0 < hardware.available_memory_bytes() <= found.system_memory_bytes


def test_detection_does_not_import_torch() -> None:
    program = "import sys; from mactuner_core.hardware import detect; detect(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[2]).returncode == 0


def test_apple_silicon_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert hardware.detect().device == "mps"


def test_an_nvidia_card_is_read_from_nvidia_smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 4060, 8188'\n")
    program.chmod(0o755)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = hardware.detect()
    assert (found.device, found.name, found.memory_bytes) == ("cuda", "NVIDIA GeForce RTX 4060", 8188 * 2**20)


@pytest.mark.parametrize("script", ["exit 9", "echo 'No devices were found'"])
def test_a_broken_driver_means_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert hardware.detect().device == "cpu"


def test_torch_agrees_with_itself() -> None:
    import torch

    device, reason = hardware.torch_device()
    assert torch.ones(2, device=device).sum().item() == 2
    assert reason in catalogue()
