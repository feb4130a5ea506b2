"""The stand-in of the Hub with a real tiny model in it, and Python run in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.models.hub_server import HubServer, hub_server
from tests.tiny_models import tiny_qwen3

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model whose weights are large enough to be cut: about 5 MB."""
    return tiny_qwen3(tmp_path_factory.mktemp("hub") / "model", hidden_size=192, layers=3)


@pytest.fixture
def hub(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """Point the library to the stand-in and to an empty cache, for every process that begins now."""
    with hub_server(folder) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "1")
        monkeypatch.delenv("HF_HUB_OFFLINE")
        for name in ("HF_TOKEN", "HTTP_PROXY", "HF_HUB_CACHE", "TRANSFORMERS_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


@pytest.fixture
def ask() -> Ask:
    """Return a function that runs an expression of Python in a new process, where the library reads its settings anew.

    It returns the value as JSON gives it, or the error as data.
    """

    def evaluate(imports: str, expression: str, *, before: str = "") -> Any:
        code = (
            f"import json\nfrom mactuner_core.errors import MacTunerError\n{imports}\n{before}\ntry:\n"
            f"    print(json.dumps({expression}, default=str))\n"
            "except MacTunerError as problem:\n    print(json.dumps(problem.as_dict()))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return evaluate


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MB that fills up; skipped where it cannot be mounted."""
    place = tmp_path / "small_disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.name != "posix" or os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root on Linux only")
    yield place
    subprocess.run(["umount", str(place)], check=True)
