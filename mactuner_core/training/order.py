"""In which order the rows of a run come: rows of like length share a step, and the order follows from seed and epoch alone.

Transformers draws this order from the global random numbers, so a run that goes on in the middle of an epoch would see other
rows than it would have seen; this one sees the same. Steps come in random order of their length, so that the first tenth of
a run takes a tenth of its time; only the longest row comes first of all, so that memory runs out at once or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

POOL = 50  # steps whose rows are drawn together and sorted by length
POOLS = 4  # at least so many an epoch, so that small data is mixed as well


class EpochOrder(Sampler[int]):
    """Indices of rows with the given lengths, in steps of `step_rows` (micro-batch times accumulation)."""

    def __init__(self, lengths: Sequence[int], step_rows: int, seed: int) -> None:
        self.lengths = lengths
        self.step_rows = step_rows
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next iteration is; the trainer does."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        rows = torch.randperm(len(self.lengths), generator=generator).tolist()
        pool = self.step_rows * max(1, min(POOL, len(rows) // (self.step_rows * POOLS)))
        ordered = [row for part in _parts(rows, pool) for row in sorted(part, key=self._length, reverse=True)]
        steps = _parts(ordered, self.step_rows)
        short = steps.pop() if len(steps[-1]) < self.step_rows else []  # comes last: the loader cuts at every full step
        mixed = [steps[place] for place in torch.randperm(len(steps), generator=generator).tolist()]
        order = [row for step in [*mixed, short] for row in step]
        if self.epoch == 0:
            longest = max(range(len(order)), key=lambda place: self._length(order[place]))
            order[0], order[longest] = order[longest], order[0]
        return iter(order)

    def _length(self, row: int) -> int:
        return self.lengths[row]


def _parts(rows: Sequence[int], size: int) -> list[Sequence[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
