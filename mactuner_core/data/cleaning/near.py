"""Rows that are nearly the same: MinHash over groups of characters finds candidates, an exact comparison decides.

Similarity is the Jaccard index of the sets of character groups, without spaces, marks and capitals. What it does not do:
find the same thing said in other words. Of pairs exactly at the threshold about 1 in 200 is missed, of more similar ones
fewer. A hundred thousand short rows need 1 s on one core, a million 8 s and 0.8 GB; twenty thousand rows that all nearly
resemble each other a few seconds.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from mactuner_core.data.cleaning.minhash import bands, mixed
from mactuner_core.data.row_text import texts
from mactuner_core.data.rows import Example

ROWS_AT_ONCE = 2000
COMPARED_GROUPS = 8  # in a crowd of candidates a row is compared with this many groups …
COMPARED_ROWS = 3  # … and this many rows of each
COMPARED_KEPT = 300  # in one group of near duplicates, rows that stay and that later ones are compared with

_DROPPED = re.compile(r"[\s!-/:-@\[-`{-~·…‥“”‘’「」『』〈〉《》、。•]")
_LAST_DROPPED = "』"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Twin:
    """Of which earlier row a row is a near duplicate, and how similar they are (0 to 1)."""

    first: int
    similarity: float


def comparable(example: Example) -> str:
    """Return what is compared of a row: its texts without system prompt and instruction, spaces, marks and capitals."""
    return comparables([example])[0]


def comparables(examples: Iterable[Example]) -> list[str]:
    """Return what is compared of each row, made of many rows at a time."""
    rows = iter(examples)
    keys: list[str] = []
    while raw := ["\n".join(_said(example)).replace("\0", " ") for example in itertools.islice(rows, ROWS_AT_ONCE)]:
        stripped = _without_marks(normalize("NFKC", "\0".join(raw)).lower())
        keys += [key or written.strip() for key, written in zip(stripped.split("\0"), raw, strict=True)]
    return keys


def numbers_of(example: Example) -> str:
    """Return the numbers in a row, in their order."""
    return " ".join(_NUMBER.findall("\n".join(_said(example)))).replace(",", "")


def near_groups(
    keys: Sequence[str], labels: Sequence[str] | None = None, *, threshold: float = 0.85, characters: int = 3
) -> list[list[int]]:
    """Return the groups of two and more positions in `keys` that are nearly the same, directly or by way of others.

    Positions with different `labels` are never the same. Groups and positions are in ascending order.
    """
    firsts: dict[Any, int] = {}
    marked = zip(keys, labels, strict=True) if labels else keys
    parents = [firsts.setdefault(key, position) for position, key in enumerate(marked)]
    unique = list(firsts.values())
    del firsts
    _join_similar(keys, labels, unique, parents, threshold, characters)
    groups: dict[int, list[int]] = {}
    for position in range(len(keys)):
        root = _root(parents, position)
        if root != position:
            groups.setdefault(root, [root]).append(position)
    return sorted(sorted(group) for group in groups.values())


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


def _without_marks(text: str) -> str:
    """Return `text` without what _DROPPED matches: with numpy three times as fast as with the pattern itself."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kept = codes[_is_kept()[np.minimum(codes, ord(_LAST_DROPPED) + 1)]]
    return kept.tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _is_kept() -> NDArray[np.bool_]:
    """Return for each code up to the one after the last that is dropped whether it is kept."""
    return np.array([not _DROPPED.match(chr(code)) for code in range(ord(_LAST_DROPPED) + 2)])


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

    positions = np.array(unique, dtype=np.int64)
    for shared, band in bands([keys[position] for position in unique], threshold, characters):
        candidates = positions[shared]
        if labels:
            named = [labels[position].encode("utf-8", "surrogatepass") for position in candidates]
            band = mixed(band ^ np.array([zlib.crc32(name) for name in named], np.uint64))
        order = np.argsort(band, kind="stable")
        ends = np.flatnonzero(np.diff(band[order])) + 1
        starts = np.concatenate(([0], ends))
        sizes = np.diff(np.concatenate((starts, [len(order)])))
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            crowd = candidates[order[start : start + size]].tolist()
            _join_candidates(crowd, labels, parents, grams, threshold)


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
