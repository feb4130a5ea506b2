"""A collection as it was after one change: its open segments and which of their chunks still count."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mactuner_core.rag.embedder import Vectors
from mactuner_core.rag.segment import Mask, Segment
from mactuner_core.rag.store import Store, store_error

_TRIES = 3


class Place(NamedTuple):
    """Where a chunk's vector and words are."""

    segment: int
    position: int


@dataclass(frozen=True)
class Snapshot:
    """Open segments, and for each which chunks are not removed (None: all)."""

    version: int
    segments: list[Segment]
    alive: list[Mask | None]

    @property
    def chunks(self) -> int:
        """How many chunks count."""
        return sum(
            len(segment) if alive is None else int(alive.sum())
            for segment, alive in zip(self.segments, self.alive, strict=True)
        )

    def row(self, place: Place) -> int:
        """Return the row number of the chunk at a place."""
        return int(self.segments[place.segment].rows[place.position])

    def vectors(self, places: Sequence[Place]) -> Vectors:
        """Return the vectors at these places; shape (places, size)."""
        return np.asarray([self.segments[one.segment].vectors[one.position] for one in places], dtype=np.float32)


def best_places(found: Sequence[tuple[Any, Any]], count: int) -> list[Place]:
    """Return the places of the highest scores, from positions and scores found in each segment."""
    places = [
        (float(score), Place(number, int(position)))
        for number, (positions, scores) in enumerate(found)
        for position, score in zip(positions, scores, strict=True)
    ]
    places.sort(key=lambda one: (-one[0], one[1]))
    return [place for _, place in places[:count]]


class Snapshots:
    """Gives the newest snapshot; segments that stay are opened once."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder / "segments"
        self._store = store
        self._lock = threading.Lock()
        self._last: Snapshot | None = None

    def newest(self) -> Snapshot:
        """Return the state after the last change; raises WorkError when files are damaged."""
        if self._last is not None and self._last.version == self._store.version:
            return self._last
        with self._lock:
            for attempt in range(_TRIES):
                try:
                    self._last = self._open()
                    return self._last
                except (OSError, ValueError, RuntimeError, KeyError) as problem:
                    # a writer may have merged segments between our look at the list and our opening them
                    if attempt == _TRIES - 1 or not self._changed():
                        raise store_error(self._folder.parent, problem) from problem
            raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Let go of the segments."""
        with self._lock:
            self._last = None

    def _changed(self) -> bool:
        return self._opening != self._store.version

    def _open(self) -> Snapshot:
        self._opening = version = self._store.version
        known = {segment.name: segment for segment in self._last.segments} if self._last else {}
        rows = self._store.rows("SELECT name, files FROM segments ORDER BY name")
        segments = [known.get(name) or Segment(self._folder / name, json.loads(files)) for name, files in rows]
        removed = np.array([row for (row,) in self._store.rows("SELECT row FROM removed ORDER BY row")], dtype=np.int64)
        return Snapshot(version, segments, [_alive(segment, removed) for segment in segments])


def _alive(segment: Segment, removed: np.ndarray) -> Mask | None:
    gone = np.isin(segment.rows, removed, assume_unique=True)
    return ~gone if gone.any() else None
