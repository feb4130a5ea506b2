"""The export job: merge, convert to F16, quantise, verify every file; the files appear together at the end.

Everything is written into a temporary folder, so a stop, a full disk or a crash leaves no half export.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from mactuner_core.catalog import open_catalog
from mactuner_core.errors import MacTunerError
from mactuner_core.export.adapter_job import make_adapter_export
from mactuner_core.export.convert import merge_and_convert
from mactuner_core.export.files import failed_report, file_row, peak_memory_bytes
from mactuner_core.export.gguf_adapter import LORA
from mactuner_core.export.gguf_file import check_gguf
from mactuner_core.export.llama_file import FloatArray
from mactuner_core.export.merge import Source
from mactuner_core.export.quantize import fallback_tensors, quantize
from mactuner_core.export.reference import make_reference
from mactuner_core.export.verify import verify_file
from mactuner_core.jobs.job import Job
from mactuner_core.workspace import new_folder, write_json


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Do the export that `start_export` described and return its files with their reports.

    The weights of a checkpoint lie in the folder `spec["kept"]`, which is removed at the end, however that comes. The result
    is `{"export", "files": [{"quant", "path", "bytes", "verify", "note"}], "seconds", "peak_memory_bytes"}`.
    """
    try:
        return make_adapter_export(spec, job) if spec["quants"] == [LORA] else make_export(spec, job)
    finally:
        if spec.get("kept"):
            shutil.rmtree(spec["kept"], ignore_errors=True)


def make_export(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Make, verify and register the files, as `run` does."""
    started = time.monotonic()
    source = Source(Path(spec["model"]), Path(spec["adapter"]) if spec["adapter"] else None)
    final = Path(spec["path"])
    with new_folder(final) as folder:
        scratch = folder / ".scratch"
        f16 = make_f16(source, spec, folder, scratch, job)
        paths = {"F16": f16} | quantize_all(f16, spec, folder, job)
        shutil.rmtree(scratch / "merged", ignore_errors=True)
        files = verify_all(source, paths, job)
        if "F16" not in spec["quants"]:
            files = [file for file in files if file["quant"] != "F16"]
        order = {quant: i for i, quant in enumerate(spec["quants"])}
        files.sort(key=lambda file: order[file["quant"]])
        shutil.rmtree(scratch)
        write_json(folder / "verification.json", {"files": files})
        job.raise_if_stopped()
    rows = [file_row(spec["export"], final, file) for file in files]
    open_catalog(job.workspace).add(*rows)
    files = [file | {"path": str(final / file["path"])} for file in files]
    seconds = round(time.monotonic() - started, 2)
    return {"export": spec["export"], "files": files, "seconds": seconds, "peak_memory_bytes": peak_memory_bytes()}


def make_f16(source: Source, spec: dict[str, Any], folder: Path, scratch: Path, job: Job) -> Path:
    """Merge and convert; the F16 file lies among the results only when it was asked for."""
    job.raise_if_stopped()
    name = f"{spec['name']}-F16.gguf"
    scratch.mkdir()
    f16 = (folder if "F16" in spec["quants"] else scratch) / name
    job.progress(0, 1, "export.stage_merge")
    merge_and_convert(
        source,
        f16,
        scratch=scratch,
        name=spec["name"],
        log=job.folder / "converter.log",
        on_stage=lambda stage: job.progress(0, 1, f"export.stage_{stage}"),
        check=job.raise_if_stopped,
    )
    check_gguf(f16)
    return f16


def quantize_all(f16: Path, spec: dict[str, Any], folder: Path, job: Job) -> dict[str, Path]:
    """Make every quantised file that was asked for, from the F16 one."""
    wanted = [quant for quant in spec["quants"] if quant != "F16"]
    paths = {}
    for i, quant in enumerate(wanted):
        job.progress(i, len(wanted), "export.stage_quantize")
        paths[quant] = folder / f"{spec['name']}-{quant}.gguf"
        quantize(f16, paths[quant], quant, check=job.raise_if_stopped)
        check_gguf(paths[quant])
    return paths


def verify_all(source: Source, paths: dict[str, Path], job: Job) -> list[dict[str, Any]]:
    """Verify every file and return its entry; a file that fails stays, marked. The first of `paths` is the F16 one."""
    steps = len(paths) + 1
    job.progress(0, steps, "export.stage_verify")
    reference = make_reference(source, check=job.raise_if_stopped)
    f16_facts = check_gguf(paths["F16"])
    f16_logits: list[FloatArray] | None = None
    f16_passed = False
    files = []
    for i, (quant, path) in enumerate(paths.items()):
        job.progress(i + 1, steps, "export.stage_verify")
        try:
            if quant != "F16" and f16_logits is None:
                report: dict[str, Any] = failed_report("export.check_f16_source_failed", {})
            else:
                report, logits = verify_file(path, quant, reference, f16_logits, f16_passed, check=job.raise_if_stopped)
                if quant == "F16":
                    f16_logits, f16_passed = logits, report["passed"]
                    reference.logits.clear()  # from here on files are held against F16
        except MacTunerError as problem:
            report = failed_report(problem.code, problem.as_dict()["values"])
        files.append(_entry(quant, path, report, fallback_tensors(f16_facts, quant), len(f16_facts.tensors)))
    job.progress(steps, steps, "export.stage_verify")
    return files


def _entry(quant: str, path: Path, report: dict[str, Any], fallback: int, tensors: int) -> dict[str, Any]:
    note = {"code": "export.note_fallback", "values": {"count": fallback, "total": tensors, "quant": quant}}
    entry = {"quant": quant, "path": path.name, "bytes": path.stat().st_size, "verify": report}
    return entry | {"note": note if fallback else None}
