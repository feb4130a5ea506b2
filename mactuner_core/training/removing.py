"""Removing a run: its folder with result, checkpoints and figures, and its line in the catalogue.

Not removed: what was exported from it (that keeps a run from being removed), and runs that were started from it, which
keep weights of their own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.errors import InputError
from mactuner_core.workspace import Workspace


def remove_run(workspace: Workspace, catalog: Catalog, ref: str) -> Run:
    """Remove the run `ref` and return what it was.

    The files go before the catalogue's row, so that after a crash the run is still listed and can be removed again. Raises
    NotFoundError, or InputError while its job works or exports were made from it.
    """
    run = catalog.run(ref)
    if not jobs.read(workspace.jobs / run.job_id).ended:
        raise InputError("training.run_at_work", run=run.id)
    if exports := exports_of(catalog, run):
        raise InputError("training.run_exported", run=run.id, exports=", ".join(exports))
    shutil.rmtree(Path(run.path), ignore_errors=True)
    catalog.remove_run(run.id)
    return run


def exports_of(catalog: Catalog, run: Run) -> list[str]:
    """Return the ids of the exports that were made from a run."""
    return [export.id for export in catalog.exports() if export.run_id == run.id]
