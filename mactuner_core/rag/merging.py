"""Which segments to merge: so few that a search stays fast, so seldom that adding one document stays cheap."""

from __future__ import annotations

from mactuner_core.rag.segment import MOST_CHUNKS
from mactuner_core.rag.snapshot import Snapshot

_GROWTH = (
    2  # a segment is merged with smaller ones that together are half as large, so each chunk is rewritten log2(n) times
)
_MOST_REMOVED = 0.3


def groups_to_merge(snapshot: Snapshot) -> list[list[str]]:
    """Return the names of segments that each become one; a group of one has many removed chunks."""
    sizes = sorted(
        (len(segment) if alive is None else int(alive.sum()), len(segment), segment.name)
        for segment, alive in zip(snapshot.segments, snapshot.alive, strict=True)
    )
    groups: list[list[tuple[int, int, str]]] = []
    for one in sizes:
        together = sum(size for size, _, _ in groups[-1]) if groups else 0
        if groups and one[0] < _GROWTH * together and together + one[0] <= MOST_CHUNKS:
            groups[-1].append(one)
        else:
            groups.append([one])
    return [
        [name for _, _, name in group]
        for group in groups
        if len(group) > 1 or group[0][0] < (1 - _MOST_REMOVED) * group[0][1]
    ]
