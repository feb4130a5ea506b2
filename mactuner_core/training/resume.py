"""Going on with a run that was stopped, killed or broke off: the same run, from a whole checkpoint, in a new job.

Never starts from step 0: a run without a whole checkpoint is refused, and a new run has to be started.
"""

from __future__ import annotations

from pathlib import Path

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.errors import InputError
from mactuner_core.jobs.control import new_id
from mactuner_core.training import checkpoints, identity
from mactuner_core.training.base import own_base
from mactuner_core.workspace import Workspace, is_complete


def resume_training(workspace: Workspace, catalog: Catalog, run_ref: str, step: int | None = None) -> Run:
    """Go on with a run from the checkpoint of `step`, or from its latest, and return its row with the new `job_id`.

    Checkpoints and figures of later steps are dropped by the job. Raises NotFoundError for an unknown run or step, InputError
    when the run works or is finished, has no whole checkpoint, or its dataset or base model is no longer the same.
    """
    run = catalog.run(run_ref)
    folder = Path(run.path)
    check_can_resume(workspace, run)
    checkpoint = checkpoints.find(folder, step)
    identity.check_same(folder, own_base(run, catalog.model(run.model_id)), catalog.dataset(run.dataset_id))
    resumed = catalog.set_run_job(run.id, new_id("train"), instead_of=run.job_id)
    spec = {"run": run.id, "checkpoint": checkpoint.step}
    jobs.start(workspace, "train", spec, title=run.id, job_id=resumed.job_id)
    return resumed


def check_can_resume(workspace: Workspace, run: Run) -> None:
    """Raise InputError while a job of the run is at work, and when the run is finished."""
    if not jobs.read(workspace.jobs / run.job_id).ended:
        raise InputError("resume.at_work", run=run.id)
    if is_complete(Path(run.path)):
        raise InputError("resume.finished", run=run.id)
