"""A real collection of the sample documents, built with the embedding model that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mactuner_core.jobs import Job
from mactuner_core.rag.build import IndexRequest, run, spec_of
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import create_collection
from mactuner_core.rag.config import PACKAGED, RagConfig
from mactuner_core.rag.documents import read_document
from mactuner_core.workspace import Workspace

DOCUMENTS = Path(__file__).parents[1] / "samples" / "documents"
HANDBOOK, FAQ = "company_handbook_ko.md", "product_faq.txt"


def sample_collection(
    workspace: Workspace, name: str, files: Sequence[Path | str] = (HANDBOOK, FAQ), chunk_tokens: int = 128
) -> Collection:
    """Return a new collection of files; names without a folder are sample documents."""
    made = create_collection(workspace, name, RagConfig(embedding_model=PACKAGED, chunk_tokens=chunk_tokens))
    with made.writer() as writer:
        for file in files:
            writer.put(read_document(DOCUMENTS / file))
    return made


def index_here(workspace: Workspace, request: IndexRequest, job: Job | None = None) -> dict[str, Any]:
    """Index in this process what a job would index in one of its own, where loading the libraries takes most of the time."""
    folder = workspace.root / "indexed-here"
    folder.mkdir(exist_ok=True)
    return run(spec_of(workspace, request), job or Job(folder, workspace))
