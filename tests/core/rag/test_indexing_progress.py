"""What an indexing job says of the time left: nothing before anything was embedded, for reading is many times faster."""

from __future__ import annotations

from pathlib import Path

import pytest

from mactuner_core.jobs import Job
from mactuner_core.rag import writer
from mactuner_core.rag.build import IndexRequest
from mactuner_core.workspace import Workspace
from tests.rag_samples import index_here


class Listening(Job):
    """Keeps what was reported."""

    said: tuple[tuple[float, float | None], ...] = ()

    def progress(
        self, done: float, total: float, stage: str, eta_s: float | None = None, *, steady: bool = True
    ) -> None:
        """Report, and keep the share done and the seconds left."""
        super().progress(done, total, stage, eta_s, steady=steady)
        self.said += ((done / total, self._status["eta_s"]),)


def test_the_time_left_is_said_once_something_was_embedded(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST_PENDING", 9)  # two documents are read, then embedded
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(4):
        lines = [f"Shelf {number} holds box {line} with the letters of the year {1900 + line}." for line in range(40)]
        (folder / f"{number}.txt").write_text("\n\n".join(lines), encoding="utf-8")
    request = IndexRequest("letters", [folder], {"chunk_tokens": 128})
    job = Listening(tmp_path, workspace)
    index_here(workspace, request, job)
    read = [eta for share, eta in job.said if share < 0.15]
    embedded = [eta for share, eta in job.said if 0.5 < share < 1]
    assert read and set(read) == {None}
    assert embedded and all(eta is not None and eta > 0 for eta in embedded)
