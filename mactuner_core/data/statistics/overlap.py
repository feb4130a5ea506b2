"""Which validation rows are in training too: as an exact copy, the same but for spaces and marks, or nearly the same.

A model has learned such rows by heart, so its score on them says nothing. Not found: the same thing in other words.
"""

from __future__ import annotations

from collections.abc import Sequence

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.cleaning.near import comparable, near_groups
from mactuner_core.data.dataset import saved_rows
from mactuner_core.data.rows import Example
from mactuner_core.data.statistics.compute import statistics_of
from mactuner_core.data.statistics.part import Part, Statistics, packed, unpacked
from mactuner_core.data.statistics.store import load_part, part_folder, save_part

KINDS = ("exact", "normalised", "near")
COMPARED = 50  # training rows of a group among which the one most like a validation row is looked for


def with_overlap(
    statistics: Statistics, train: Sequence[Example], validation: Sequence[Example], threshold: float
) -> Statistics:
    """Return the statistics of `train` and `validation` with the part "overlap".

    Its figures count validation rows: "exact", "normalised" (the same but for spaces, marks and capitals) and "near"
    (similarity of at least `threshold`, as when splitting), each row once, and all "rows". `rows_in(…, "overlap", 0 to 2)`
    gives each such row and the training row it resembles, in turn.
    """
    rows = statistics.parts["rows"].arrays
    exact, same = (_pairs(unpacked(rows, "overlap", number)) for number in (0, 1))
    normalised = {row: twin for row, twin in same.items() if row not in exact}
    near = {row: twin for row, twin in _near(train, validation, threshold).items() if row not in same}
    found = dict(zip(KINDS, (exact, normalised, near), strict=True))
    figures = {kind: len(pairs) for kind, pairs in found.items()} | {"rows": len(validation)}
    flat = [[row for pair in pairs.items() for row in pair] for pairs in found.values()]
    return statistics.with_part("overlap", Part(figures, packed("overlap", flat)))


def overlap_of(version: DatasetVersion, threshold: float) -> Statistics:
    """Return the figures of a dataset version with the part "overlap", counted once and kept; raises InputError."""
    statistics = statistics_of(version)
    folder = part_folder(version, "overlap", str(threshold))
    if part := load_part(folder):
        return statistics.with_part("overlap", part)
    train, validation = (list(saved_rows(version, split)) for split in ("train", "validation"))
    found = with_overlap(statistics, train, validation, threshold)
    save_part(folder, found.parts["overlap"])
    return found


def _near(train: Sequence[Example], validation: Sequence[Example], threshold: float) -> dict[int, int]:
    """Return the validation rows that resemble training rows, each with the one it resembles most."""
    keys = [comparable(row) for row in (*train, *validation)]
    found: dict[int, int] = {}
    for group in near_groups(keys, threshold=threshold) if validation else ():
        taught = [row for row in group if row < len(train)][:COMPARED]
        if not taught or len(taught) == len(group):
            continue
        known = [(row, _triples(keys[row])) for row in taught]
        for row in group:
            if row >= len(train):
                own = _triples(keys[row])
                found[row] = max(known, key=lambda other: len(own & other[1]) / len(own | other[1]))[0]
    return dict(sorted(found.items()))


def _triples(key: str) -> set[str]:
    return {key[place : place + 3] for place in range(max(1, len(key) - 2))}


def _pairs(rows: list[int]) -> dict[int, int]:
    return dict(zip(rows[::2], rows[1::2], strict=True))
