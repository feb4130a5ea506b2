"""The export of a LoRA run as a small adapter file beside its base's GGUF: convert both, verify, keep the adapter.

The base's F16 file is made on the way, for the verification, and is not kept.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from mactuner_core.catalog import open_catalog
from mactuner_core.errors import MacTunerError
from mactuner_core.export.adapter_base import find_base
from mactuner_core.export.convert import convert_adapter
from mactuner_core.export.files import failed_report, file_row, peak_memory_bytes
from mactuner_core.export.gguf_adapter import LORA, check_adapter
from mactuner_core.export.merge import Source
from mactuner_core.export.verify_adapter import verify_adapter
from mactuner_core.jobs.job import Job
from mactuner_core.workspace import new_folder, write_json


def make_adapter_export(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Make, verify and register the adapter that `start_export` described; the result is as that of other exports.

    It has also `"base": {"kind", "id", "file", "command"}`: what the adapter belongs to, a GGUF file of it in the workspace
    (None when there is none yet) and the command that makes one.
    """
    started = time.monotonic()
    source = Source(Path(spec["model"]), Path(spec["adapter"]))
    final = Path(spec["path"])
    with new_folder(final) as folder:
        scratch = folder / ".scratch"
        adapter, base = folder / f"{spec['name']}-{LORA}.gguf", scratch / "base-F16.gguf"
        job.progress(0, 1, "export.stage_base")
        convert_adapter(
            source,
            base,
            adapter,
            scratch=scratch,
            name=spec["name"],
            base_name=spec["base"]["id"],
            log=job.folder / "converter.log",
            on_stage=lambda stage: job.progress(0, 1, f"export.stage_{stage}"),
            check=job.raise_if_stopped,
        )
        job.progress(0, 1, "export.stage_verify")
        report = _report(adapter, base, source, job)
        file: dict[str, Any] = {"quant": LORA, "path": adapter.name, "bytes": adapter.stat().st_size, "verify": report}
        shutil.rmtree(scratch)
        write_json(folder / "verification.json", {"files": [file], "base": spec["base"]})
        job.raise_if_stopped()
    catalog = open_catalog(job.workspace)
    catalog.add(file_row(spec["export"], final, file))
    path = final / file["path"]
    return {
        "export": spec["export"],
        "files": [file | {"path": str(path), "note": None}],
        "base": spec["base"] | {"file": find_base(catalog, spec["base"], path)},
        "seconds": round(time.monotonic() - started, 2),
        "peak_memory_bytes": peak_memory_bytes(),
    }


def _report(adapter: Path, base: Path, source: Source, job: Job) -> dict[str, Any]:
    """A file that fails stays, marked; one that does not fit the very base it was made for is no export at all."""
    check_adapter(adapter, base)
    try:
        return verify_adapter(adapter, base, source, check=job.raise_if_stopped)
    except MacTunerError as problem:
        return failed_report(problem.code, problem.as_dict()["values"])
