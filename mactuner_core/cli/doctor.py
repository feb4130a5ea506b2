"""`mactuner doctor`: what this machine is, what works here, and why not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass

import typer

from mactuner_core import __version__
from mactuner_core.catalog import open_catalog
from mactuner_core.cli.output import JsonOption, emit_json, show
from mactuner_core.errors import MacTunerError
from mactuner_core.format import human_bytes
from mactuner_core.hardware import available_memory_bytes, detect, torch_device
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace

LIBRARIES = ("torch", "transformers", "trl", "peft", "llama-cpp-python", "streamlit", "openai")
NEEDED_DISK_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it works, and what was found or what to do."""

    name: str
    ok: bool
    detail: str


def doctor(json: JsonOption = False) -> None:
    checks = [_check(name, look) for name, look in _looks().items()]
    hardware = detect()
    try:
        device, reason = torch_device()
    except ImportError:
        device, reason = hardware.device, hardware.reason
    if json:
        facts = {
            "device": device,
            "reason": text(reason),
            "memory_bytes": hardware.memory_bytes,
            "memory_available_bytes": available_memory_bytes(),
            "cores": hardware.cores,
            "version": __version__,
            "python": platform.python_version(),
            "system": platform.platform(),
        }
        emit_json(facts | {"checks": [asdict(check) for check in checks]})
    else:
        show(text("cli.doctor_device", device=device, reason=text(reason)))
        for check in checks:
            show(f"{'✓' if check.ok else '✗'} {text(f'cli.check_{check.name}')}: {check.detail}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _looks() -> dict[str, Callable[[], str]]:
    return {
        "libraries": _libraries,
        "memory": lambda: human_bytes(available_memory_bytes()) + " / " + human_bytes(detect().memory_bytes),
        "workspace": _workspace,
        "disk": _disk,
        "catalogue": _catalogue,
        "training": _training,
        "export": _export,
        "serving": _serving,
        "hub": _hub,
    }


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except MacTunerError as problem:
        return Check(name, False, problem.text())
    except Exception as problem:
        return Check(name, False, f"{type(problem).__name__}: {problem}")


def _libraries() -> str:
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)


def _workspace() -> str:
    return str(open_workspace().root)


def _disk() -> str:
    free = shutil.disk_usage(open_workspace().root).free
    if free < NEEDED_DISK_BYTES:
        raise RuntimeError(text("cli.little_disk", free=human_bytes(free)))
    return human_bytes(free)


def _catalogue() -> str:
    catalog = open_catalog(open_workspace())
    datasets, models, runs = catalog.dataset_versions(), catalog.models(), catalog.runs()
    return text("cli.catalogue_counts", datasets=len(datasets), models=len(models), runs=len(runs))


def _training() -> str:
    import torch

    device, _ = torch_device()
    torch.ones(8, 8, device=device).matmul(torch.ones(8, 8, device=device)).sum().item()
    return f"full, lora ({device})"


def _export() -> str:
    from mactuner_core.export.converter import converter_folder

    return str(converter_folder())


def _serving() -> str:
    import llama_cpp

    return f"llama.cpp ({llama_cpp.__version__}), {llama_cpp.llama_print_system_info().decode().strip(' |')[:60]}…"


def _hub() -> str:
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        return text("cli.hub_offline")
    return text("cli.hub_token") if os.environ.get("HF_TOKEN") else text("cli.hub_no_token")
