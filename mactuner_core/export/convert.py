"""From a model (and adapter) to an F16 GGUF file, in a worker process that can be stopped.

Starts `worker.py`, watches it and turns what goes wrong into errors that say what to do.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mactuner_core
from mactuner_core.errors import InputError, WorkError
from mactuner_core.export.converter import ConverterError, converter_folder
from mactuner_core.export.merge import Source
from mactuner_core.format import human_bytes
from mactuner_core.workspace import write_json

POLL_S = 0.1
# Below this much free space a failed write is put down to a full disk even when the library does not say so.
FULL_BYTES = 1_000_000
_FULL_SIGNS = ("No space left on device", "Disk quota exceeded")
_WRITE_FAILED_SIGNS = ("requested and", "iostream error", "Errno")


def merge_and_convert(
    source: Source,
    gguf: Path,
    *,
    scratch: Path,
    name: str,
    log: Path | None = None,
    on_stage: Callable[[str], None] = lambda stage: None,
    check: Callable[[], None] = lambda: None,
) -> str:
    """Write `gguf` in F16 from `source` and return the type merged in; the merged folder is left in `scratch`/merged.

    `on_stage` hears "merge" and "convert". `check` is called ten times a second and may raise to stop the work. The
    worker's stderr goes to `log`. Raises InputError for a model that cannot be converted, WorkError otherwise.
    """
    task = _task(source, gguf, scratch, name)
    return str(_work(task, [gguf], scratch, log or scratch / "converter.log", on_stage, check)["dtype"])


def convert_adapter(
    source: Source,
    base_gguf: Path,
    adapter_gguf: Path,
    *,
    scratch: Path,
    name: str,
    base_name: str,
    log: Path,
    on_stage: Callable[[str], None] = lambda stage: None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write the model of `source` alone to `base_gguf` and its adapter to `adapter_gguf`, both in F16.

    Goes on and raises as `merge_and_convert` does; `on_stage` hears "base", "convert" and "adapter".
    """
    task = _task(source, base_gguf, scratch, base_name) | {"adapter_gguf": str(adapter_gguf), "adapter_name": name}
    _work(task, [base_gguf, adapter_gguf], scratch, log, on_stage, check)


def _task(source: Source, gguf: Path, scratch: Path, name: str) -> dict[str, Any]:
    with converter_errors_are_clear():
        converter = converter_folder()
    return {
        "converter": str(converter),
        "model": str(source.model),
        "adapter": str(source.adapter) if source.adapter else None,
        "merged": str(scratch / "merged"),
        "gguf": str(gguf),
        "name": name,
    }


def _work(
    task: dict[str, Any],
    made: list[Path],
    scratch: Path,
    log: Path,
    on_stage: Callable[[str], None],
    check: Callable[[], None],
) -> dict[str, Any]:
    """Let the worker do the task and return its result, or remove what it made and raise why it failed."""
    scratch.mkdir(parents=True, exist_ok=True)
    write_json(scratch / "task.json", task)
    code = _watch(_start(scratch / "task.json", log), scratch, on_stage, check)
    result = _read_result(scratch / "result.json")
    if code == 0 and "dtype" in result and all(file.is_file() for file in made):
        return result
    for file in made:
        file.unlink(missing_ok=True)
    raise _failure(result, log, made[0])


@contextlib.contextmanager
def converter_errors_are_clear() -> Iterator[None]:
    """Turn a ConverterError into a WorkError with its message."""
    try:
        yield
    except ConverterError as problem:
        raise WorkError(f"export.{problem.code}", **problem.values) from problem


def is_disk_full(folder: Path, text: str) -> bool:
    """Tell whether a failed write of a library (`text`: what it said) was a full disk."""
    if any(sign in text for sign in _FULL_SIGNS):
        return True
    return shutil.disk_usage(folder).free < FULL_BYTES and any(sign in text for sign in _WRITE_FAILED_SIGNS)


def disk_full(folder: Path) -> WorkError:
    """Return the error for a disk that filled up while an export was being written into `folder`."""
    return WorkError("export.disk_full", path=folder, free=human_bytes(shutil.disk_usage(folder).free))


def _start(task: Path, log: Path) -> subprocess.Popen[bytes]:
    root = Path(mactuner_core.__file__).parents[1]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-P", "-m", "mactuner_core.export.worker", str(task)]
    with log.open("ab") as file:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment)


def _watch(
    process: subprocess.Popen[bytes], scratch: Path, on_stage: Callable[[str], None], check: Callable[[], None]
) -> int:
    stage = ""
    try:
        while (code := process.poll()) is None:
            check()
            with contextlib.suppress(OSError):
                now = (scratch / "stage").read_text(encoding="utf-8")
                if now != stage:
                    stage = now
                    on_stage(stage)
            time.sleep(POLL_S)
        return code
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _read_result(file: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data


def _failure(result: dict[str, Any], log: Path, gguf: Path) -> InputError | WorkError:
    error = result.get("error")
    if error:
        kind = WorkError if result.get("kind") == "WorkError" else InputError
        return kind(str(error["code"]), **error["values"])
    said = log.read_text(encoding="utf-8", errors="replace")
    if is_disk_full(gguf.parent, said):
        return disk_full(gguf.parent)
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith((" ", "Traceback"))][-4:]
    return WorkError("export.convert_failed", lines=" ⏎ ".join(lines)[-800:] or "–", log=log)
