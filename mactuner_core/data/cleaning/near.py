"""Rows that are nearly the same: MinHash over groups of characters finds candidates, an exact comparison decides.

Similarity is the Jaccard index of the sets of character groups, without spaces, marks and capitals. What it does not do:
find the same thing said in other words. Of pairs exactly at the threshold about 1 in 200 is missed, of more similar ones
fewer. A hundred thousand short rows need 3 s on one core, a million half a minute and 0.7 GB; twenty thousand rows that
all nearly resemble each other 6 s.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from mactuner_core.data.row_text import texts
from mactuner_core.data.rows import Example

Hashes = NDArray[np.uint64]

PERMUTATIONS = 128
MISSED = 0.005  # share of the pairs exactly at the threshold that may be missed
CHUNK_CHARACTERS = 1_000_000
COMPARED_GROUPS = 8  # in a crowd of candidates a row is compared with this many groups …
COMPARED_ROWS = 3  # … and this many rows of each
COMPARED_KEPT = 300  # in one group of near duplicates, rows that stay and that later ones are compared with
_SEED = 42

_DROPPED = re.compile(r"[\s!-/:-@\[-`{-~·…‥“”‘’「」『』〈〉《》、。•]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Twin:
    """Of which earlier row a row is a near duplicate, and how similar they are (0 to 1)."""

    first: int
    similarity: float


def comparable(example: Example) -> str:
    """Return what is compared of a row: its texts without system prompt and instruction, spaces, marks and capitals."""
    raw = "\n".join(_said(example))
    key = _DROPPED.sub("", normalize("NFKC", raw).lower())
    return key or raw.strip()


def numbers_of(example: Example) -> str:
    """Return the numbers in a row, in their order."""
    return " ".join(_NUMBER.findall("\n".join(_said(example)))).replace(",", "")


def near_groups(
    keys: Sequence[str], labels: Sequence[str] | None = None, *, threshold: float = 0.85, characters: int = 3
) -> list[list[int]]:
    """Return the groups of two and more positions in `keys` that are nearly the same, directly or by way of others.

    Positions with different `labels` are never the same. Groups and positions are in ascending order.
    """
    parents = list(range(len(keys)))
    firsts: dict[tuple[str, str], int] = {}
    for position, key in enumerate(keys):
        parents[position] = firsts.setdefault((key, labels[position] if labels else ""), position)
    unique = list(firsts.values())
    del firsts
    _join_similar(keys, labels, unique, parents, threshold, characters)
    groups: dict[int, list[int]] = {}
    for position in range(len(keys)):
        groups.setdefault(_root(parents, position), []).append(position)
    return sorted(group for group in groups.values() if len(group) > 1)


def near_duplicates(
    keys: Sequence[str], labels: Sequence[str] | None = None, *, threshold: float = 0.85, characters: int = 3
) -> dict[int, Twin]:
    """Return the positions to leave out so that of each near duplicate the first stays, with what they resemble."""
    twins: dict[int, Twin] = {}
    for group in near_groups(keys, labels, threshold=threshold, characters=characters):
        kept: dict[int, frozenset[str]] = {}
        for position in group:
            own = _grams(keys[position], characters)
            for first, grams in kept.items():
                if (found := _jaccard(own, grams)) >= threshold:
                    twins[position] = Twin(first, found)
                    break
            else:
                if len(kept) < COMPARED_KEPT:
                    kept[position] = own
    return twins


def _said(example: Example) -> Iterator[str]:
    instruction = str(example.other.get("instruction") or "")
    for message in example.messages:
        if message.get("role") != "system" and isinstance(message.get("content"), str):
            yield message["content"].removeprefix(instruction)
    if not example.messages:
        yield from texts(example)


def _join_similar(
    keys: Sequence[str],
    labels: Sequence[str] | None,
    unique: list[int],
    parents: list[int],
    threshold: float,
    characters: int,
) -> None:
    @lru_cache(maxsize=256)
    def grams(position: int) -> frozenset[str]:
        return _grams(keys[position], characters)

    marks = (
        np.array([zlib.crc32(labels[position].encode("utf-8", "surrogatepass")) for position in unique], np.uint64)
        if labels
        else np.uint64(0)
    )
    positions = np.array(unique, dtype=np.int64)
    for band in _bands([keys[position] for position in unique], threshold, characters):
        band = _mixed(band ^ marks)
        order = np.argsort(band, kind="stable")
        ends = np.flatnonzero(np.diff(band[order])) + 1
        starts = np.concatenate(([0], ends))
        sizes = np.diff(np.concatenate((starts, [len(order)])))
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            candidates = positions[order[start : start + size]].tolist()
            _join_candidates(candidates, labels, parents, grams, threshold)


def _join_candidates(
    candidates: list[int], labels: Sequence[str] | None, parents: list[int], grams: Any, threshold: float
) -> None:
    """Join the rows of one crowd of candidates that are really similar."""
    groups: list[list[int]] = []
    for position in candidates:
        root = _root(parents, position)
        for group in groups[:COMPARED_GROUPS]:
            if _root(parents, group[0]) == root or any(
                (not labels or labels[other] == labels[position])
                and _jaccard(grams(other), grams(position)) >= threshold
                for other in group
            ):
                parents[root] = _root(parents, group[0])
                if len(group) < COMPARED_ROWS:
                    group.append(position)
                break
        else:
            groups.append([position])


def _root(parents: list[int], position: int) -> int:
    while parents[position] != position:
        parents[position] = parents[parents[position]]
        position = parents[position]
    return position


def _grams(key: str, characters: int) -> frozenset[str]:
    return frozenset([key[start : start + characters] for start in range(max(1, len(key) - characters + 1))])


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both)


def _rows_of_a_band(threshold: float) -> int:
    """Return the largest number of hashes in a band with which a pair at the threshold is missed rarely enough."""
    wanted = (rows for rows in range(16, 1, -1) if (1 - threshold**rows) ** (PERMUTATIONS // rows) <= MISSED)
    return next(wanted, 2)


def _bands(keys: list[str], threshold: float, characters: int) -> Hashes:
    """Return one number for each band and key, shape (bands, keys); similar keys share one in at least one band."""
    from rensa import RMinHash

    rows = _rows_of_a_band(threshold)
    bands = PERMUTATIONS // rows

    def bands_of(chunk: list[str]) -> Hashes:
        hashes, offsets = _gram_hashes(chunk, characters)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, PERMUTATIONS, _SEED)
        digests = np.array(matrix.to_rows(), dtype=np.uint64)
        found = np.zeros((bands, len(chunk)), dtype=np.uint64)
        for band in range(bands):
            for column in range(band * rows, (band + 1) * rows):
                found[band] = _mixed(found[band] ^ digests[:, column])
        return found

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing runs outside Python's lock
        return np.concatenate([np.empty((bands, 0), np.uint64), *pool.map(bands_of, _chunks(keys, characters))], axis=1)


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


def _gram_hashes(keys: list[str], characters: int) -> tuple[Hashes, Hashes]:
    """Return the hashes of all groups of characters of all keys, one after the other, and where each key's start."""
    codes = np.frombuffer("".join(keys).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    lengths = np.array([len(key) for key in keys])
    hashes = np.zeros(len(codes) - characters + 1, dtype=np.uint64)
    for place in range(characters):
        hashes = _mixed(hashes ^ codes[place : place + len(hashes)])
    inside = np.ones(len(codes), dtype=bool)
    ends = np.cumsum(lengths)
    for place in range(1, characters):
        inside[ends - place] = False
    offsets = np.concatenate(([0], np.cumsum(lengths - characters + 1)))
    return hashes[inside[: len(hashes)]], offsets.astype(np.uint64)


def _mixed(values: Hashes) -> Hashes:
    """Return the values scattered over 64 bits (the finaliser of splitmix64)."""
    values = (values + np.uint64(0x9E3779B97F4A7C15)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
