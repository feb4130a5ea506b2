"""Texts to vectors by the Korean word vectors inside kiwipiepy: meaning without a network, where English models see none.

kiwipiepy's language model tells how near two morphemes are in meaning (a cosine). From the table of these among some hundred
anchors their vectors follow exactly (Nyström; the table's rank is the vectors' size, 256), and any other morpheme's from its
nearness to the anchors. A text is the weighted sum of its content morphemes, without the directions that all words share
(after Arora et al., "A simple but tough-to-beat baseline for sentence embeddings", 2017).

Not covered: word order and negation, words that kiwipiepy does not know, and text in other languages (`bilingual.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mactuner_core.rag.korean import analyser

SIZE = 256
CONTENT = {"NNG", "NNP", "VV", "VA", "XR", "MAG", "SL"}
_ANCHOR_TAGS = {"NNG", "NNP", "VV", "VA", "MAG"}
_ANCHORS = 640  # more than the rank, so that every direction is held by several
_COMMON = 5  # directions that say "this is a word of everyday text"; from 2 to 8 the results are alike
_FREQUENT = 50  # morphemes are numbered by frequency: those before this number weigh next to nothing

Vectors = npt.NDArray[np.float32]


class KoreanVectors:
    """Makes vectors with the analyser of this process; takes some seconds to set up. Not safe from several threads at once."""

    size = SIZE

    def __init__(self) -> None:
        self._kiwi = analyser()
        self._anchors = self._choose_anchors()
        table = np.array([self._nearness(anchor) for anchor in self._anchors])
        values, directions = np.linalg.eigh((table + table.T) / 2)
        values, directions = values[: -SIZE - 1 : -1], directions[:, : -SIZE - 1 : -1]
        self._to_vector = directions / np.sqrt(values)
        self._to_vector[:, :_COMMON] = 0
        self._known: dict[int, npt.NDArray[np.float64] | None] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors; shape (texts, 256). A text without a word that Kiwi knows gets zeros: it is near to nothing."""
        vectors = np.zeros((len(texts), SIZE))
        for row, tokens in zip(vectors, self._kiwi.tokenize(list(texts)), strict=True):
            counts = Counter(token.id for token in tokens if token.tag.split("-")[0] in CONTENT)
            for number, count in counts.items():
                if (vector := self._vector(number)) is not None:
                    row += math.sqrt(count) * math.log1p(number / _FREQUENT) * vector
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def _choose_anchors(self) -> list[int]:
        """Return every second frequent content morpheme that has a vector."""
        anchors: list[int] = []
        number = 0
        while len(anchors) < _ANCHORS:
            number += 2
            if self._kiwi.morpheme(number).tag in _ANCHOR_TAGS and not math.isnan(
                self._kiwi.morpheme_similarity(number, number)
            ):
                anchors.append(number)
        return anchors

    def _nearness(self, number: int) -> npt.NDArray[np.float64]:
        nearness: npt.NDArray[np.float64] = np.array(
            [self._kiwi.morpheme_similarity(number, anchor) for anchor in self._anchors]
        )
        return nearness

    def _vector(self, number: int) -> npt.NDArray[np.float64] | None:
        """Return the vector of a morpheme, or None when Kiwi has none (a new word, a user's word)."""
        if number not in self._known:
            nearness = self._nearness(number)
            self._known[number] = None if np.isnan(nearness).any() else nearness @ self._to_vector
        return self._known[number]
