"""Uploaded documents on their way into a collection: kept where a job can read them, and cleared when it has.

A collection keeps its own copies of the files; its pages are drawn from those.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mactuner_core.jobs.status import JobStatus, list_jobs
from mactuner_core.workspace import Workspace, check_free_space

LONGEST_NAME = 200  # bytes; file systems allow 255
_FORGOTTEN_S = 86_400.0  # an upload that was looked at, but never built, goes after a day


def keep_upload(workspace: Workspace, name: str, content: bytes | memoryview) -> Path:
    """Write an upload under its own name where jobs find it, once for the same bytes; raises WorkError when the disk is full."""
    folder = _folder(workspace) / hashlib.sha256(content).hexdigest()[:16]
    path = folder / safe_name(name)
    if not path.is_file() or path.stat().st_size != len(content):
        check_free_space(workspace.root, len(content))
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def clear_uploads(workspace: Workspace, collection: str, *, reader: str = "") -> None:
    """Remove the uploads that jobs of a collection were given, and forgotten ones, but none that a job still has to read.

    `reader` is the id of a job that has read its own.
    """
    root = _folder(workspace)
    if not root.is_dir():
        return
    found = list_jobs(workspace.jobs)
    waiting = [job for job in found if not job.ended and job.id != reader]
    needed = {folder for job in waiting for folder in _given(root, job)}
    read = {folder for job in found if job.title == collection for folder in _given(root, job)} - needed
    forgotten = time.time() - _FORGOTTEN_S
    for folder in root.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another job clears too
            if folder in read or (folder not in needed and folder.stat().st_mtime < forgotten):
                shutil.rmtree(folder, ignore_errors=True)


def safe_name(name: str) -> str:
    """Return the last part of a file's name, short enough to be one; its ending stays."""
    last = Path(unicodedata.normalize("NFC", name).replace("\\", "/").replace("\0", "")).name
    stem, ending = Path(last).stem, Path(last).suffix[:20]
    while len(f"{stem}{ending}".encode()) > LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem}{ending}" if stem.strip(". ") else f"document{ending}"


def _folder(workspace: Workspace) -> Path:
    return workspace.cache / "uploads"


def _given(root: Path, job: JobStatus) -> Iterable[Path]:
    """Return the folders of the uploads that a job was given."""
    spec: dict[str, Any] = json.loads((job.folder / "spec.json").read_text(encoding="utf-8")).get("spec") or {}
    paths = [Path(path) for path in spec.get("paths") or [] if job.kind == "rag_index"]
    return [path.parent for path in paths if path.parent.parent == root]
