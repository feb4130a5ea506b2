"""Searching by words: BM25 over all segments, and what share of a question's words a chunk has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mactuner_core.rag.embedder import Vectors
from mactuner_core.rag.segment import Mask, rarity
from mactuner_core.rag.snapshot import Place, Snapshot, best_places
from mactuner_core.rag.words import PAIR, question_words, weight


def rarities(snapshot: Snapshot, query: str) -> dict[str, float]:
    """Return the query's words with their rarity in the whole collection, removed chunks included."""
    total = sum(len(segment) for segment in snapshot.segments)
    distinct = question_words(query)
    return {word: rarity(total, sum(segment.frequency(word) for segment in snapshot.segments)) for word in distinct}


def lexical_search(
    snapshot: Snapshot, terms: dict[str, float], count: int, masks: Sequence[Mask | None]
) -> list[Place]:
    """Return the places of the chunks with the highest BM25 scores, best first."""
    found = []
    for segment, mask in zip(snapshot.segments, masks, strict=True):
        having = {word: segment.frequency(word) for word in terms}
        # the index holds scores with the rarity of a word in its own segment; it is replaced by that in all of them
        weights = {
            word: weight(word) * terms[word] / rarity(len(segment), having[word]) for word in terms if having[word]
        }
        found.append(segment.lexical(weights, count, mask))
    return best_places(found, count)


def shares(snapshot: Snapshot, places: Sequence[Place], terms: dict[str, float]) -> Vectors:
    """Return how much of the query's words each chunk has, by rarity, from 0 to 1: of its words, or of its pairs of syllables.

    The greater counts: pairs still fit where words are spaced or spelt otherwise.
    """
    found = np.zeros((2, len(places)), dtype=np.float32)
    totals = [sum(rare for word, rare in terms.items() if word.startswith(PAIR) == pair) for pair in (False, True)]
    for number, segment in enumerate(snapshot.segments):
        here = np.array([at for at, place in enumerate(places) if place.segment == number], dtype=np.int64)
        positions = np.array([places[at].position for at in here], dtype=np.int64)
        for word, rare in terms.items():
            if not segment.frequency(word):
                continue
            kind = int(word.startswith(PAIR))
            found[kind, here] += segment.holds(word, positions) * (rare / totals[kind])
    return np.asarray(np.minimum(found.max(axis=0), 1.0), dtype=np.float32)
