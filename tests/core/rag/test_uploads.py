"""Uploads wait for their build and go with it; nothing that a job still has to read goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from mactuner_core.jobs import Job
from mactuner_core.rag.uploads import clear_uploads, keep_upload, safe_name
from mactuner_core.workspace import Workspace, write_json


def job_with(workspace: Workspace, job_id: str, collection: str, *paths: Path) -> Job:
    """Return a running job of this process that was given these paths."""
    folder = workspace.jobs / job_id
    folder.mkdir()
    spec = {"paths": [str(path) for path in paths]}
    write_json(folder / "spec.json", {"kind": "rag_index", "title": collection, "created_at": 0, "spec": spec})
    write_json(folder / "process.json", {"pid": os.getpid(), "create_time": psutil.Process().create_time()})
    return Job(folder, workspace)


def test_an_upload_stays_while_a_job_has_to_read_it(workspace: Workspace) -> None:
    path = keep_upload(workspace, "a.txt", b"words")
    assert path.read_bytes() == b"words"
    first, second = job_with(workspace, "one", "docs", path), job_with(workspace, "two", "more", path)
    clear_uploads(workspace, "docs", reader="one")
    assert path.is_file(), "the second job reads it too"
    first.finish("done")
    clear_uploads(workspace, "docs")
    assert path.is_file()
    clear_uploads(workspace, "more", reader="two")
    assert not path.exists()
    second.finish("done")


def test_only_what_is_meant_goes(workspace: Workspace, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("mine", encoding="utf-8")
    mine, other, forgotten = (keep_upload(workspace, f"{name}.txt", name.encode()) for name in ("a", "b", "c"))
    job_with(workspace, "one", "docs", mine, own).finish("failed")
    day_ago = time.time() - 90_000
    os.utime(forgotten.parent, (day_ago, day_ago))
    clear_uploads(workspace, "docs")
    assert not mine.exists()
    assert not forgotten.exists(), "it was looked at, but never built"
    assert other.is_file(), "another page looks at it"
    assert own.is_file(), "a file of the person's own is no upload"


def test_names_of_uploads_stay_inside_their_folder() -> None:
    assert safe_name("../../etc/passwd.txt") == "passwd.txt"
    assert safe_name("..") == "document"
    assert safe_name("C:\\docs\\a.pdf") == "a.pdf"
    long = safe_name("가" * 300 + ".pdf")
    assert long.endswith("가.pdf")
    assert len(long.encode()) <= 200
