"""Which texts may be nearly the same: MinHash over their groups of characters, and bands of it (locality-sensitive hashing).

Texts that are similar share the number of at least one band. So do some that are not: who asks must compare them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

PERMUTATIONS = 128
PERMUTATIONS_AT_ONCE = 32
DIGESTS_AT_ONCE = 20_000
MISSED = 0.005  # share of the pairs exactly at the threshold that may be missed
CHUNK_CHARACTERS = 1_000_000


def bands(keys: list[str], threshold: float, characters: int) -> Iterator[tuple[Places, Hashes]]:
    """Yield for each band which of the keys share its number with another one, and their numbers.

    rensa tells quickly which rows of a matrix share a band, but gives a matrix only as lists of Python numbers: it is
    asked for those of the rows that matter. Some bands at a time keep the matrix small.
    """
    rows = _rows_of_a_band(threshold)
    total = PERMUTATIONS // rows
    at_once = max(1, PERMUTATIONS_AT_ONCE // rows)
    hashes, starts = _gram_hashes(keys, characters)
    for first in range(0, total, at_once):
        count = min(at_once, total - first)
        shared = np.flatnonzero(_sharing(hashes, starts, rows, count, seed=first))
        digests = _digests(hashes, starts, shared, rows * count, seed=first)
        for band in range(count):
            numbers = np.zeros(len(shared), dtype=np.uint64)
            for column in range(band * rows, (band + 1) * rows):
                numbers = mixed(numbers ^ digests[:, column])
            yield shared, numbers


def mixed(values: Hashes) -> Hashes:
    """Return the values scattered over 64 bits (the finaliser of splitmix64)."""
    values = (values + np.uint64(0x9E3779B97F4A7C15)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _rows_of_a_band(threshold: float) -> int:
    """Return the largest number of hashes in a band with which a pair at the threshold is missed rarely enough."""
    wanted = (rows for rows in range(16, 1, -1) if (1 - threshold**rows) ** (PERMUTATIONS // rows) <= MISSED)
    return next(wanted, 2)


def _sharing(hashes: Hashes, starts: Hashes, rows: int, bands: int, seed: int) -> NDArray[np.bool_]:
    """Return for each key whether it shares one of `bands` bands of `rows` hashes with another key."""
    from rensa import RMinHash, RMinHashLSH

    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, starts, rows * bands, seed)
    flags = RMinHashLSH(0.5, rows * bands, bands).query_duplicate_flags_matrix_one_shot(matrix)
    return np.array(flags, dtype=bool)


def _digests(hashes: Hashes, starts: Hashes, chosen: Places, permutations: int, seed: int) -> Hashes:
    """Return the MinHash digests of the chosen keys, shape (chosen, permutations)."""
    from rensa import RMinHash

    digests = np.empty((len(chosen), permutations), dtype=np.uint64)
    for start in range(0, len(chosen), DIGESTS_AT_ONCE):
        some = chosen[start : start + DIGESTS_AT_ONCE]
        begins = starts[some].astype(np.int64)
        counts = starts[some + 1].astype(np.int64) - begins
        ends = np.cumsum(counts)
        here = np.repeat(begins - (ends - counts), counts) + np.arange(ends[-1])
        offsets = np.concatenate(([0], ends)).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes[here], offsets, permutations, seed)
        digests[start : start + len(some)] = matrix.to_rows()
    return digests


def _gram_hashes(keys: list[str], characters: int) -> tuple[Hashes, Hashes]:
    """Return the hashes of all groups of characters of all keys, one after the other, and where each key's start."""
    starts = np.cumsum([0, *(max(1, len(key) - characters + 1) for key in keys)])
    hashes = np.empty(starts[-1], dtype=np.uint64)
    filled = 0
    for chunk in _chunks(keys, characters):
        found = _hashes_of_chunk(chunk, characters)
        hashes[filled : filled + len(found)] = found
        filled += len(found)
    return hashes, starts.astype(np.uint64)


def _chunks(keys: list[str], characters: int) -> Iterator[list[str]]:
    """Yield the keys in runs of bounded size, each at least as long as one group of characters."""
    chunk: list[str] = []
    size = 0
    for key in keys:
        chunk.append(key.ljust(characters, "\0"))
        size += len(chunk[-1])
        if size >= CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _hashes_of_chunk(keys: list[str], characters: int) -> Hashes:
    codes = np.frombuffer("".join(keys).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    hashes = np.zeros(len(codes) - characters + 1, dtype=np.uint64)
    for place in range(characters):
        hashes = mixed(hashes ^ codes[place : place + len(hashes)])
    inside = np.ones(len(codes), dtype=bool)
    ends = np.cumsum([len(key) for key in keys])
    for place in range(1, characters):
        inside[ends - place] = False
    return hashes[inside[: len(hashes)]]
