"""Starting an export: what is asked for is checked here, before the row is written and the job is started."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from mactuner_core import jobs
from mactuner_core.catalog.store import Catalog
from mactuner_core.catalog.tables import Export
from mactuner_core.errors import InputError, MacTunerError
from mactuner_core.export.adapter_base import describe_base
from mactuner_core.export.adapter_source import check_adapter_source
from mactuner_core.export.gguf_adapter import LORA
from mactuner_core.export.merge import Source
from mactuner_core.export.quantize import QUANTS, check_quants
from mactuner_core.jobs.control import new_id
from mactuner_core.models.check import check_model_folder
from mactuner_core.training.base import Base, base_of, keep_base, run_base
from mactuner_core.workspace import Workspace, check_free_space, check_name, disk_full_is_clear

DEFAULT_QUANTS = ("F16", "Q4_K_M")
_SLACK = 1.15  # quantised files keep some tensors in a larger type


def start_export(
    workspace: Workspace,
    catalog: Catalog,
    *,
    run_id: str | None = None,
    model_id: str | None = None,
    quants: Sequence[str] = DEFAULT_QUANTS,
    adapter: bool = False,
    name: str | None = None,
) -> Export:
    """Start the export of a finished run, of a checkpoint (RUN@STEP) or of a model and return its row.

    The files carry `name`. With `adapter` the one file is the LoRA adapter of a run, and `quants` says nothing. Raises
    NotFoundError for an unknown name, InputError for an unknown quant, an unfinished run, a model that cannot be used or
    an adapter that a GGUF file cannot hold, WorkError for too little disk.
    """
    if (run_id is None) == (model_id is None):
        raise InputError("export.run_or_model")
    wanted = [LORA] if adapter else check_quants(quants)
    base = run_base(catalog, run_id) if run_id is not None else base_of(catalog, str(model_id))
    title = check_name(name or str(run_id or model_id).replace("@", "-"))
    if adapter:
        check_adapter_source(Source(base.folder, base.adapter), str(run_id or model_id))
    parameters = check_model_folder(base.folder).parameters
    _remove_leftovers(workspace)
    check_free_space(
        workspace.exports, needed_bytes(parameters, wanted, merged=base.adapter is not None and not adapter)
    )
    export_id = new_id("export")
    kept = workspace.exports / f".new-{export_id}-weights" if base.step is not None else None
    source = _keep(catalog, base, str(run_id or model_id), kept) if kept else base
    export = Export(
        id=export_id,
        run_id=base.run.id if base.run else None,
        model_id=base.model.id,
        path=str(workspace.exports / export_id),
        job_id=export_id,
    )
    catalog.add(export)
    spec = {
        "export": export_id,
        "path": export.path,
        "name": title,
        "model": str(source.folder),
        "adapter": str(source.adapter) if source.adapter else None,
        "kept": str(kept) if kept else None,
        "quants": wanted,
        "base": describe_base(catalog, str(run_id)) if adapter else None,
    }
    jobs.start(workspace, "export", spec, title=title, job_id=export_id)
    return export


def needed_bytes(parameters: int, quants: Sequence[str], *, merged: bool) -> int:
    """Return how much disk an export takes while it runs: the merged folder, the F16 file and the quantised ones."""
    small = sum(QUANTS[quant].bits / 8 * _SLACK for quant in quants if quant not in ("F16", LORA))
    return int(parameters * ((4 if merged else 0) + 2 + small)) + 30_000_000


def _keep(catalog: Catalog, base: Base, ref: str, folder: Path) -> Base:
    """Return a checkpoint as it lies in `folder` from now on: a run at work may delete its own at any moment."""
    try:
        with disk_full_is_clear(folder):
            kept = keep_base(base, folder)
        run_base(catalog, ref)  # it was whole until all of it was kept
    except (OSError, MacTunerError):
        shutil.rmtree(folder, ignore_errors=True)
        run_base(catalog, ref)
        raise
    return kept


def _remove_leftovers(workspace: Workspace) -> None:
    """Remove the unfinished folders of exports whose job was killed; a job that still runs keeps its own."""
    for folder in workspace.exports.glob(".new-*-*"):
        job = workspace.jobs / folder.name.removeprefix(".new-").rpartition("-")[0]
        if job.is_dir() and jobs.read(job).ended:
            shutil.rmtree(folder, ignore_errors=True)
