"""The job that has a model write questions about a collection: the same request in the same folder goes on where one ended."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mactuner_core import jobs
from mactuner_core.data.synthesis.recipe import KEY_VARIABLE
from mactuner_core.errors import InputError
from mactuner_core.jobs import Job, JobCancelled
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import open_collection
from mactuner_core.rag.pair_recipe import PairRecipe
from mactuner_core.rag.pair_writing import write_pairs
from mactuner_core.rag.pairs import PairChunk
from mactuner_core.workspace import Workspace

JOB = "rag_synthesize"


def start_writing(
    workspace: Workspace, collection: str, recipe: PairRecipe, folder: Path, documents: Sequence[str] = ()
) -> str:
    """Start the job that writes into `folder`, about all documents or those named, and return its id.

    The key in the environment goes to the job by its environment only. Raises NotFoundError for a collection or document that is
    not there, InputError when there is no chunk or `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("synthesis.out_exists", path=folder)
    with open_collection(workspace, collection) as opened:
        named = [opened.document(one).id for one in documents]
        if not any(one.chunks for one in opened.documents()):
            raise InputError("rag_evaluate.pair_no_chunks")
    spec = {
        "collection": collection,
        "recipe": recipe.model_dump(mode="json"),
        "folder": str(folder),
        "documents": named,
    }
    return jobs.start(workspace, JOB, spec, title=collection)


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Write the questions that `spec` asks for and return what `write_pairs` does; what is accepted is kept however it ends."""
    with open_collection(job.workspace, spec["collection"]) as opened:
        chunks = chunks_of(opened, spec["documents"])
    result = write_pairs(
        chunks,
        PairRecipe.check(spec["recipe"]),
        Path(spec["folder"]),
        os.environ.get(KEY_VARIABLE, ""),
        should_stop=job.stop_requested,
        on_progress=lambda done, total: job.progress(done, total, "rag_cli.stage_synthesizing"),
    )
    if result["stopped_by"] == "stopped":
        raise JobCancelled
    return result


def chunks_of(collection: Collection, documents: Sequence[str]) -> list[PairChunk]:
    """Return the chunks of these documents (ids), of all when none is named, as questions are written from them."""
    wanted = documents or [one.id for one in collection.documents()]
    hits = (hit for one in wanted for hit in collection.chunks(one))
    return [PairChunk(hit.chunk_id, hit.document, hit.page, hit.text) for hit in hits]
