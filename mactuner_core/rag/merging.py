"""Merging segments: so few that a search stays fast, so seldom that adding one document stays cheap."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from mactuner_core.rag.chunking import with_headings
from mactuner_core.rag.embedding_cache import EmbeddingCache
from mactuner_core.rag.new_segment import clear_errors, insert_segment, new_segment
from mactuner_core.rag.segment import MOST_CHUNKS
from mactuner_core.rag.snapshot import Snapshot

if TYPE_CHECKING:
    from mactuner_core.rag.collection import Collection

_GROWTH = (
    2  # a segment is merged with smaller ones that together are half as large, so each chunk is rewritten log2(n) times
)
_MOST_REMOVED = 0.3


def merge_small(collection: Collection, cache: EmbeddingCache) -> None:
    """Merge what should be merged; each merge is committed by itself."""
    while groups := groups_to_merge(collection.snapshots.newest()):
        _merge(collection, cache, groups[0])


def groups_to_merge(snapshot: Snapshot) -> list[list[str]]:
    """Return the names of segments that each become one; a group of one has many removed chunks."""
    sizes = sorted(
        (len(segment) if alive is None else int(alive.sum()), len(segment), segment.name)
        for segment, alive in zip(snapshot.segments, snapshot.alive, strict=True)
    )
    groups: list[list[tuple[int, int, str]]] = []
    for one in sizes:
        together = sum(size for size, _, _ in groups[-1]) if groups else 0
        if groups and one[0] < _GROWTH * max(together, 1) and together + one[0] <= MOST_CHUNKS:
            groups[-1].append(one)
        else:
            groups.append([one])
    return [
        [name for _, _, name in group]
        for group in groups
        if len(group) > 1 or group[0][0] < (1 - _MOST_REMOVED) * group[0][1]
    ]


def _merge(collection: Collection, cache: EmbeddingCache, names: list[str]) -> None:
    snapshot = collection.snapshots.newest()
    old = [(one, alive) for one, alive in zip(snapshot.segments, snapshot.alive, strict=True) if one.name in names]
    everything = [slice(None) if alive is None else alive for _, alive in old]
    rows = np.concatenate([one.rows[kept] for (one, _), kept in zip(old, everything, strict=True)])
    vectors = np.concatenate([one.vectors[kept] for (one, _), kept in zip(old, everything, strict=True)])
    order = np.argsort(rows)
    kept_rows = rows[order].tolist()
    texts = _texts(collection, kept_rows)
    words = cache.words(texts)
    removed = [(int(row),) for one, _ in old for row in np.setdiff1d(one.rows, rows)]
    with (
        clear_errors(collection.folder),
        new_segment(collection.folder) as folder,
        collection.store.change() as database,
    ):
        insert_segment(database, folder, kept_rows, vectors[order], words, collection.config.threads)
        database.executemany("DELETE FROM segments WHERE name = ?", [(name,) for name in names])
        database.executemany("DELETE FROM removed WHERE row = ?", removed)


def _texts(collection: Collection, rows: list[int]) -> list[str]:
    found = collection.store.chunk_rows(rows)
    return [with_headings(json.loads(found[row][4]), found[row][3]) for row in rows]
