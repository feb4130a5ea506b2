"""What it takes to index a folder again after one of its files changed, as a share of the first build.

The job's own function does both, in this process with the model loaded before, so that neither counts the start of Python.
The process that reads documents is started anew for each.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rag_made import Texts, korean_sentence
from mactuner_core.jobs.job import Job
from mactuner_core.rag.build import run
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.documents.process import end_idle
from mactuner_core.rag.embedders import load_embedder
from mactuner_core.workspace import open_workspace


def changes(quick: bool, threads: int) -> dict[str, Any]:
    """Return seconds of the first build, after one file changed (median of three), and with nothing changed."""
    files = 60 if quick else 300
    config = RagConfig(threads=threads)
    load_embedder(config.embedding_model, threads).embed(["A warm start.", "따뜻한 시작."])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "documents"
        folder.mkdir()
        for number in range(files):
            _path(folder, number).write_text(_content(number), encoding="utf-8")
        workspace = open_workspace(Path(name) / "home")
        job_folder = workspace.jobs / "benchmark"
        job_folder.mkdir(parents=True)
        job = Job(job_folder, workspace)
        settings = config.model_dump(mode="json")
        spec: dict[str, Any] = {
            "collection": "made",
            "paths": [str(folder)],
            "settings": settings,
            "tags": [],
            "date": None,
            "rebuild": False,
        }
        full_s, result = _timed(spec, job)
        changed = []
        for number in (files // 2, files // 3, files // 4):
            path = _path(folder, number)
            path.write_text(path.read_text(encoding="utf-8") + "\n\nOne more thing was said.\n", encoding="utf-8")
            seconds, after = _timed(spec, job)
            if len(after["updated"]) != 1:
                raise SystemExit(f"one file changed, and {len(after['updated'])} were indexed again")
            changed.append(seconds)
        same_s, _ = _timed(spec, job)
    return {
        "files": files,
        "chunks": result["chunks"],
        "full_s": round(full_s, 2),
        "changed_s": round(statistics.median(changed), 3),
        "unchanged_s": round(same_s, 3),
        "share": round(statistics.median(changed) / full_s, 4),
    }


def _timed(spec: dict[str, Any], job: Job) -> tuple[float, dict[str, Any]]:
    end_idle()
    began = time.perf_counter()
    result = run(spec, job)
    return time.perf_counter() - began, result


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:04}.md"


def _content(number: int) -> str:
    """Return a document with a heading and six paragraphs, every second one Korean."""
    pick = random.Random(number)
    if number % 2:
        paragraphs = [" ".join(korean_sentence(pick, 8) for _ in range(7)) for _ in range(6)]
    else:
        paragraphs = Texts(own=40).some(number * 1000, 6)
    return "\n\n".join([f"# Document {number}", *paragraphs])
