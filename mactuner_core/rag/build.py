"""Putting files into a collection: what is new or changed is read, cut, embedded and committed; what is bad is listed.

A job: start it with `start_indexing`. However it ends, what was committed stays, and a next run goes on from there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mactuner_core import jobs
from mactuner_core.errors import ConfigError, InputError, MacTunerError, SettingProblem
from mactuner_core.jobs import Job
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import (
    absolute,
    create_collection,
    list_collections,
    open_collection,
    remove_collection,
)
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.documents import Found, as_file, find_documents, read_document
from mactuner_core.rag.intake import check_date
from mactuner_core.rag.rebuild import kept_settings, rebuild
from mactuner_core.rag.uploads import clear_uploads
from mactuner_core.rag.writer import Writer
from mactuner_core.workspace import Workspace, check_name

JOB = "rag_index"
READING = 0.15  # of the time that a document takes; the rest goes to embedding


@dataclass(frozen=True)
class IndexRequest:
    """What to index: files, folders and archives into a collection, which is made when it is not there.

    `settings` are changes to the defaults, for a new collection or with `rebuild`; `date` is "YYYY-MM-DD" for all documents, by
    default each file's own.
    """

    collection: str
    paths: Sequence[Path] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    date: str | None = None
    rebuild: bool = False


def start_indexing(workspace: Workspace, request: IndexRequest) -> str:
    """Start the job and return its id; everything that can be refused is refused before. Raises what `spec_of` does."""
    return jobs.start(workspace, JOB, spec_of(workspace, request), title=request.collection)


def spec_of(workspace: Workspace, request: IndexRequest) -> dict[str, Any]:
    """Return what `run` is told.

    Raises InputError when there is nothing to index or the name cannot be one, ConfigError for settings that are wrong or not
    those of the collection.
    """
    settings = settings_for(workspace, request)
    paths = [path.expanduser().resolve() for path in request.paths]
    if not request.rebuild and not find_documents(paths):
        raise InputError("rag.no_documents_given", paths=", ".join(map(str, request.paths)) or "–")
    if request.date:
        check_date(request.date)
    return {
        "collection": request.collection,
        "paths": [str(path) for path in paths],
        "settings": settings.model_dump(mode="json"),
        "tags": list(request.tags),
        "date": request.date,
        "rebuild": request.rebuild,
    }


def settings_for(workspace: Workspace, request: IndexRequest) -> RagConfig:
    """Return the settings that the collection will have; raises as `spec_of`."""
    name = check_name(request.collection)
    if name not in list_collections(workspace):
        if request.rebuild:
            open_collection(workspace, name)  # raises: there is none
        return absolute(RagConfig.check(request.settings))
    kept = kept_settings(workspace.collections / name)
    wanted = absolute(RagConfig.check(kept.model_dump() | request.settings))
    different = [key for key in ("embedding_model", "chunk_tokens", "overlap_percent") if _differ(kept, wanted, key)]
    if different and not request.rebuild:
        said = ", ".join(f"{key} {getattr(kept, key)} ≠ {getattr(wanted, key)}" for key in different)
        problem = SettingProblem("rag.settings_differ", {"name": name, "value": said, "differences": said})
        raise ConfigError([problem])
    return wanted


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Index what `spec` says and return what was done, with the reason for each file that was not."""
    name, workspace = spec["collection"], job.workspace
    config = RagConfig.check(spec["settings"])
    new = name not in list_collections(workspace)
    if new:
        collection = create_collection(workspace, name, config)
    elif spec["rebuild"]:

        def told(done: float, total: float) -> None:
            job.raise_if_stopped()
            job.progress(done, total, "rag.stage_rebuilding")

        collection = rebuild(workspace, name, config, told)
    else:
        collection = open_collection(workspace, name)
    with collection:
        outcome = _Indexing(collection, job, spec).run()
        result = outcome | {"collection": name, **_totals(collection)}
    if new and not result["documents"]:
        remove_collection(workspace, name)
    clear_uploads(workspace, name, reader=job.folder.name)
    return result


class _Indexing:
    """One run over the files; counts bytes for the progress."""

    def __init__(self, collection: Collection, job: Job, spec: dict[str, Any]) -> None:
        self._collection = collection
        self._job = job
        self._spec = spec
        self._found = find_documents([Path(path) for path in spec["paths"]])
        self._total = sum(one.bytes for one in self._found) or 1
        self._done = 0.0  # bytes of documents that are committed, unchanged or bad
        self._waiting = 0.0  # bytes of documents that are read
        self._pace = _Pace()
        self._outcome: dict[str, list[Any]] = {state: [] for state in ("added", "updated", "unchanged", "duplicate")}
        self._failed: list[dict[str, Any]] = []

    def run(self) -> dict[str, Any]:
        with self._collection.writer() as writer:
            for found in self._found:
                self._job.raise_if_stopped()
                try:
                    self._take(writer, found)
                except MacTunerError as problem:
                    if not isinstance(
                        problem, InputError
                    ):  # the disk is full, somebody damaged a file: no next file helps
                        raise
                    self._failed.append({"name": found.name, **problem.as_dict()})
                    self._done += found.bytes
            writer.flush(self._embedding)
            self._job.progress(self._total, self._total, "rag.stage_finishing")
        return {**self._outcome, "failed": self._failed}

    def _take(self, writer: Writer, found: Found) -> None:
        with as_file(found) as path:
            state = writer.state_of(found.name, _sha256(path))
            if state in ("added", "updated"):
                document = read_document(
                    path, name=found.name, ocr=self._collection.config.ocr, progress=self._reading(found)
                )
                self._waiting += found.bytes
                self._pace.read(found.bytes)
                date = self._spec["date"] or _date_of(path, found)
                state = writer.put(document, source=path, tags=self._spec["tags"], date=date, progress=self._embedding)
                self._pace.read(0)
                if not writer.pending_chunks:
                    self._done, self._waiting = self._done + self._waiting, 0.0
            else:
                self._done += found.bytes
        self._outcome[state].append(found.name)
        self._tell(self._done + READING * self._waiting)

    def _reading(self, found: Found) -> Any:
        def report(done: int, total: int) -> None:
            part = found.bytes * done / max(1, total)
            self._tell(self._done + READING * (self._waiting + part))

        return report

    def _embedding(self, done: float, total: float) -> None:
        self._job.raise_if_stopped()
        share = done / max(1, total)
        if done:
            self._pace.embedded(self._waiting * share, whole=done >= total)
        else:
            self._pace.read(0)  # it was cut into chunks
        self._tell(self._done + self._waiting * (READING + (1 - READING) * share), self._waiting * share)

    def _tell(self, bytes_: float, embedded: float = 0.0) -> None:
        unread = self._total - self._done - self._waiting
        eta_s = self._pace.left_s(unread, unread + self._waiting - embedded)
        self._job.progress(min(bytes_, self._total), self._total, "rag.stage_reading", eta_s, steady=False)


class _Pace:
    """How long a byte takes to read and cut, and how long to embed; a file is read in a moment and embedded in minutes."""

    def __init__(self) -> None:
        self._mark = time.monotonic()
        self._read = [0.0, 0.0]  # bytes, seconds
        self._embedded = [0.0, 0.0]
        self._flushed = 0.0  # bytes of what is embedded right now

    def read(self, bytes_: float) -> None:
        """Note that so much was read and cut."""
        self._read[0] += bytes_
        self._read[1] += self._since()

    def embedded(self, bytes_: float, *, whole: bool) -> None:
        """Note that `bytes_` of what waits are embedded by now; `whole` when that is all."""
        self._embedded[0] += bytes_ - self._flushed
        self._embedded[1] += self._since()
        self._flushed = 0.0 if whole else bytes_

    def left_s(self, unread: float, unembedded: float) -> float | None:
        """Return the seconds that so many bytes take; None while nothing was embedded."""
        if not self._embedded[0]:
            return None
        reading = self._read[1] / self._read[0] if self._read[0] else 0.0
        return unread * reading + unembedded * self._embedded[1] / self._embedded[0]

    def _since(self) -> float:
        before, self._mark = self._mark, time.monotonic()
        return self._mark - before


def _totals(collection: Collection) -> dict[str, Any]:
    facts = collection.facts()
    return {key: facts[key] for key in ("documents", "chunks", "bytes", "warnings", "suggested_min_score")}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _date_of(path: Path, found: Found) -> str | None:
    """Return the day a file was changed last; a member of an archive was just unpacked and has none."""
    return None if found.member else datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()


def _differ(kept: RagConfig, wanted: RagConfig, key: str) -> bool:
    return bool(getattr(kept, key) != getattr(wanted, key))
