"""An embedding model for Korean and English without a network: Korean word vectors and the packaged English model, side by side.

A vector holds both parts, each weighed by its language's share of the letters. Between two Korean texts the product is that of
the Korean vectors, between two English ones that of the English model; what an English model makes of Hangul never counts. A
question in one language finds nothing in the other but the words that both use.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Sequence

import numpy as np

from mactuner_core.rag.config import BILINGUAL, PACKAGED
from mactuner_core.rag.embedder import Embedder, Kind, Vectors
from mactuner_core.rag.korean_vectors import KoreanVectors

NAME = BILINGUAL
_HANGUL = re.compile(r"[가-힣]+")
_SYLLABLES = 2  # of one token: about what a Korean morpheme has
_AT_ONCE = 256  # texts between two reports


class BilingualEmbedder:
    """Has what `Embedder` has. `longest` is the English model's limit; two Hangul syllables count as one token."""

    def __init__(self, threads: int = 1) -> None:
        self._english = Embedder(PACKAGED, threads)
        self._korean = KoreanVectors()
        self._lock = threading.Lock()
        self.name = NAME
        self.prefixes: dict[str, str] = {}
        self.size = KoreanVectors.size + self._english.size
        self.longest = self._english.longest
        self.identity = _identity(self._english.identity, self._korean)

    def lengths(self, texts: Sequence[str], kind: Kind | None = None) -> list[int]:
        """Return how many tokens each text takes: the English model's for what is not Hangul, and one for two syllables."""
        others = self._english.lengths([_HANGUL.sub(" ", text) for text in texts], kind)
        return [
            tokens - (-sum(map(len, _HANGUL.findall(text))) // _SYLLABLES)
            for tokens, text in zip(others, texts, strict=True)
        ]

    def embed(
        self,
        texts: Sequence[str],
        kind: Kind | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Vectors:
        """Return unit vectors; shape (texts, size). A text without a known word in either language gets zeros."""
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            part = list(texts[start : start + _AT_ONCE])
            vectors[start : start + len(part)] = self._joined(part, kind)
            progress(start + len(part), len(texts))
        return vectors

    def _joined(self, texts: list[str], kind: Kind | None) -> Vectors:
        share = np.array([hangul_share(text) for text in texts], dtype=np.float32)
        korean = np.zeros((len(texts), KoreanVectors.size), dtype=np.float32)
        other = np.zeros((len(texts), self._english.size), dtype=np.float32)
        if (rows := np.flatnonzero(share > 0)).size:
            with self._lock:
                korean[rows] = self._korean.embed([texts[row] for row in rows])
        if (rows := np.flatnonzero(share < 1)).size:
            other[rows] = self._english.embed([_HANGUL.sub(" ", texts[row]) for row in rows], kind)
        joined = np.hstack([np.sqrt(share)[:, None] * korean, np.sqrt(1 - share)[:, None] * other])
        lengths = np.linalg.norm(joined, axis=1, keepdims=True)
        return np.asarray(joined / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def hangul_share(content: str) -> float:
    """Return the share of Hangul syllables among the letters of a text; 0 when it has no letter."""
    letters = sum(letter.isalpha() for letter in content)
    return sum(map(len, _HANGUL.findall(content))) / max(1, letters)


def _identity(english: str, korean: KoreanVectors) -> str:
    probe = np.round(korean.embed(["집 책 사람 먹다 좋다"]).astype(np.float64), 3) + 0.0  # the same zero for both signs
    return hashlib.sha256(english.encode() + probe.tobytes()).hexdigest()[:16]
