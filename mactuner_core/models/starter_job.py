"""Making a starter model as a job: it imports torch, which the app's own process must not."""

from __future__ import annotations

from typing import Any

from mactuner_core import jobs
from mactuner_core.catalog import Catalog, open_catalog
from mactuner_core.errors import InputError
from mactuner_core.jobs import Job
from mactuner_core.models.starter import make_starter
from mactuner_core.workspace import Workspace, check_name


def start_starter(workspace: Workspace, catalog: Catalog, dataset_ref: str, name: str | None = None) -> str:
    """Start making a starter model from a dataset and return the job's id; its result is `{"id": …}`.

    Raises NotFoundError for an unknown dataset, InputError for a taken or impossible name.
    """
    dataset = catalog.dataset(dataset_ref)
    if name and ((workspace.models / check_name(name)).exists() or name in {model.id for model in catalog.models()}):
        raise InputError("catalog.taken", id=name)
    title = name or f"starter-{dataset.name}"
    return jobs.start(workspace, "starter", {"dataset": dataset.id, "name": name}, title=title)


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Make the starter model that `start_starter` described."""
    job.progress(0, 0, "models_page.stage_starter")
    model = make_starter(job.workspace, open_catalog(job.workspace), spec["dataset"], spec["name"])
    return {"id": model.id}
