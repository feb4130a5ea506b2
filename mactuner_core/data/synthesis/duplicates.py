"""Finding rows that say the same: equal after normalising, or alike in their letter triples.

Candidates come from MinHash signatures compared all at once in numpy, then the real Jaccard similarity decides. Made for up to
some hundred thousand rows in memory.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mactuner_core.data.rows import Message

LETTERS = 3
HASHES = 64
SLACK = 0.25  # a signature of 64 hashes errs by less than this in all but some cases in a hundred thousand

Array = np.ndarray[Any, np.dtype[np.uint64]]


@dataclass(frozen=True)
class Duplicate:
    """The row that another is alike to, and how much (1 means the same)."""

    of: str
    share: float


class SeenRows:
    """The rows so far; `find` tells whether a new one is a duplicate, `add` remembers it under a name."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._names: list[str] = []
        self._exact: dict[str, str] = {}
        self._triples: list[Array] = []
        self._signatures = np.zeros((64, HASHES), np.uint64)
        numbers = np.random.default_rng(7)
        self._factors = numbers.integers(1, 2**63, HASHES, np.uint64) | np.uint64(1)
        self._offsets = numbers.integers(0, 2**63, HASHES, np.uint64)

    def find(self, messages: Sequence[Message]) -> Duplicate | None:
        """Return the row most like `messages` when it is alike enough to be a duplicate."""
        content = normal_text(messages)
        if content in self._exact:
            return Duplicate(self._exact[content], 1.0)
        if not self._names:
            return None
        triples = _triples(content)
        alike = (self._signatures[: len(self._names)] == self._signature(triples)).mean(axis=1)
        best = Duplicate("", 0.0)
        for number in np.flatnonzero(alike >= self.threshold - SLACK):
            share = _jaccard(triples, self._triples[number])
            if share > best.share:
                best = Duplicate(self._names[number], share)
        return best if best.share >= self.threshold else None

    def add(self, messages: Sequence[Message], name: str) -> None:
        """Remember a row."""
        content = normal_text(messages)
        triples = _triples(content)
        if len(self._names) == len(self._signatures):
            self._signatures = np.concatenate([self._signatures, np.zeros_like(self._signatures)])
        self._signatures[len(self._names)] = self._signature(triples)
        self._exact.setdefault(content, name)
        self._triples.append(triples)
        self._names.append(name)

    def _signature(self, triples: Array) -> Array:
        mixed = triples[None, :] * self._factors[:, None] + self._offsets[:, None]
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        signature: Array = (mixed ^ (mixed >> np.uint64(32))).min(axis=1)
        return signature


def normal_text(messages: Sequence[Message]) -> str:
    """Return what a row says in a form in which spelling variants are equal; the system prompt is left out."""
    said = "\n".join(message["content"] for message in messages if message["role"] != "system")
    return " ".join(unicodedata.normalize("NFKC", said).casefold().split())


def _triples(content: str) -> Array:
    """Return the numbers of all different triples of letters, sorted; a letter needs 21 bits."""
    letters = np.frombuffer(content.ljust(LETTERS).encode("utf-32-le"), np.uint32).astype(np.uint64)
    shifted = letters[:-2] << np.uint64(42) | letters[1:-1] << np.uint64(21) | letters[2:]
    return np.unique(shifted)


def _jaccard(one: Array, other: Array) -> float:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
