"""Maximal marginal relevance (Carbonell, Goldstein 1998): hits that are relevant and not like those chosen before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mactuner_core.rag.config import SearchConfig
from mactuner_core.rag.embedder import Vectors


def varied(vectors: Vectors, scores: Sequence[float], config: SearchConfig) -> list[int]:
    """Return the numbers of up to `top_k` hits in the order they are chosen; `vectors` has shape (hits, size)."""
    left = list(range(len(scores)))
    chosen: list[int] = []
    alike = vectors @ vectors.T
    while left and len(chosen) < config.top_k:
        worth = [
            config.mmr_lambda * scores[one]
            - (1 - config.mmr_lambda) * max((float(alike[one, other]) for other in chosen), default=0.0)
            for one in left
        ]
        chosen.append(left.pop(int(np.argmax(worth))))
    return chosen
