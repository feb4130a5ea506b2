"""Searching a collection: by words, by meaning, or both with their ranks joined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mactuner_core.errors import InputError
from mactuner_core.rag.calibrate import Calibration, calibration_of
from mactuner_core.rag.config import SearchConfig
from mactuner_core.rag.embedder import Vectors
from mactuner_core.rag.filters import allowed_masks
from mactuner_core.rag.hits import Filters, Hit
from mactuner_core.rag.mmr import varied
from mactuner_core.rag.rerank import reranked
from mactuner_core.rag.segment import Mask, rarity
from mactuner_core.rag.snapshot import Place, Snapshot
from mactuner_core.rag.words import surface_patterns, weight, words

if TYPE_CHECKING:
    from mactuner_core.rag.collection import Collection

RANK_OFFSET = 60  # of reciprocal rank fusion (Cormack, Clarke, Büttcher 2009)
_WORDS_FROM = 2000  # characters of a query

Masks = list[Mask | None]


@dataclass(frozen=True)
class _Candidate:
    place: Place
    rank_score: float
    dense: float | None
    lexical: float | None

    @property
    def score(self) -> float:
        return max(self.dense or 0.0, self.lexical or 0.0)


def search(
    collection: Collection, query: str, config: SearchConfig, filters: Filters, vector: Vectors | None
) -> list[Hit]:
    """Return the hits for a query, best first; see `Collection.search`."""
    query = query.strip()
    if not query:
        raise InputError("rag.empty_query")
    snapshot = collection.snapshots.newest()
    masks = snapshot.alive if filters.empty else allowed_masks(collection, snapshot, filters)
    if not snapshot.chunks:
        return []
    if config.method != "lexical" and vector is None:
        vector = collection.embedder.embed([query], "query")[0]
    candidates = _candidates(snapshot, query, config, vector, masks, calibration_of(collection))
    candidates = [one for one in candidates if config.rerank_model or one.score >= config.min_score]
    rows = collection.store.chunk_rows([snapshot.row(one.place) for one in candidates])
    found = [
        (one, _hit(rows[row], one)) for one in candidates if (row := snapshot.row(one.place)) in rows
    ]  # a row that is missing was removed a moment ago
    found = _once(found)
    if config.rerank_model:
        found = [
            (one, hit) for one, hit in reranked(query, found, config.rerank_model) if hit.score >= config.min_score
        ]
    if config.mmr:
        order = varied(snapshot.vectors([one.place for one, _ in found]), [hit.score for _, hit in found], config)
        found = [found[number] for number in order]
    return _marked(query, [hit for _, hit in found[: config.top_k]])


def hit_of(row: Any) -> Hit:
    """Return a row of the store as a hit with score 0."""
    return Hit(
        chunk_id=row[1],
        document=row[10],
        document_id=row[11],
        page=row[5],
        last_page=row[6],
        text=row[3],
        headings=tuple(json.loads(row[4])),
        score=0.0,
        number=row[2],
        tokens=row[7],
        kind=row[8],
    )


def _hit(row: Any, candidate: _Candidate) -> Hit:
    dense, lexical = (None if one is None else round(one, 4) for one in (candidate.dense, candidate.lexical))
    return replace(hit_of(row), score=round(candidate.score, 4), dense=dense, lexical=lexical)


def _candidates(
    snapshot: Snapshot,
    query: str,
    config: SearchConfig,
    vector: Vectors | None,
    masks: Masks,
    calibration: Calibration,
) -> list[_Candidate]:
    """Return what either way finds, in the order of the joined ranks, each with the scores of both ways."""
    ranks: dict[Place, float] = {}
    terms: dict[str, float] = {}
    if config.method != "dense":
        terms = _rarities(snapshot, query)
        for rank, place in enumerate(_by_words(snapshot, terms, config.candidates, masks), start=1):
            ranks[place] = 1 / (RANK_OFFSET + rank)
    if config.method != "lexical" and vector is not None:
        share = calibration.dense_weight if config.method == "hybrid" else 1.0
        for rank, place in enumerate(_by_meaning(snapshot, vector, config.candidates, masks), start=1):
            ranks[place] = ranks.get(place, 0.0) + share / (RANK_OFFSET + rank)
    places = sorted(ranks, key=lambda place: -ranks[place])
    dense = _cosines(snapshot, places, vector) if config.method != "lexical" and vector is not None else None
    shares = _shares(snapshot, places, terms) if config.method != "dense" else None
    return [
        _Candidate(
            place,
            ranks[place],
            None if dense is None else calibration.score(float(dense[number])),
            None if shares is None else float(shares[number]),
        )
        for number, place in enumerate(places)
    ]


def _by_meaning(snapshot: Snapshot, vector: Vectors, count: int, masks: Masks) -> list[Place]:
    query = np.ascontiguousarray(vector, dtype=np.float32)
    found = [segment.dense(query, count, mask) for segment, mask in zip(snapshot.segments, masks, strict=True)]
    return _best(found, count)


def _by_words(snapshot: Snapshot, terms: dict[str, float], count: int, masks: Masks) -> list[Place]:
    found = []
    for segment, mask in zip(snapshot.segments, masks, strict=True):
        having = {word: segment.frequency(word) for word in terms}
        # the index holds scores with the rarity of a word in its own segment; it is replaced by that in all of them
        weights = {
            word: weight(word) * terms[word] / rarity(len(segment), having[word]) for word in terms if having[word]
        }
        found.append(segment.lexical(weights, count, mask))
    return _best(found, count)


def _best(found: Sequence[tuple[Any, Any]], count: int) -> list[Place]:
    places = [
        (float(score), Place(number, int(position)))
        for number, (positions, scores) in enumerate(found)
        for position, score in zip(positions, scores, strict=True)
    ]
    places.sort(key=lambda one: (-one[0], one[1].segment, one[1].position))
    return [place for _, place in places[:count]]


def _rarities(snapshot: Snapshot, query: str) -> dict[str, float]:
    """Return the query's words with their rarity in the whole collection, removed chunks included."""
    total = sum(len(segment) for segment in snapshot.segments)
    distinct = dict.fromkeys(words(query[:_WORDS_FROM]))
    return {word: rarity(total, sum(segment.frequency(word) for segment in snapshot.segments)) for word in distinct}


def _cosines(snapshot: Snapshot, places: Sequence[Place], vector: Vectors) -> Vectors:
    return np.asarray(snapshot.vectors(places) @ vector if places else [], dtype=np.float32)


def _shares(snapshot: Snapshot, places: Sequence[Place], terms: dict[str, float]) -> Vectors:
    """Return how much of the query's words each chunk has: weights of those it has over weights of all, from 0 to 1."""
    shares = np.zeros(len(places), dtype=np.float32)
    total = sum(weight(word) * rare for word, rare in terms.items())
    for number, segment in enumerate(snapshot.segments):
        here = [at for at, place in enumerate(places) if place.segment == number]
        positions = np.array([places[at].position for at in here], dtype=np.int64)
        for word, rare in terms.items():
            shares[here] += segment.holds(word, positions) * (weight(word) * rare / total)
    return np.minimum(shares, 1.0)


def _once(found: list[tuple[_Candidate, Hit]]) -> list[tuple[_Candidate, Hit]]:
    """Keep the first of hits with the very same text; it names the documents of the others."""
    kept: dict[str, tuple[_Candidate, Hit]] = {}
    for one, hit in found:
        if (first := kept.get(hit.text)) is None:
            kept[hit.text] = (one, hit)
        elif hit.document != first[1].document and hit.document not in first[1].also_in:
            kept[hit.text] = (first[0], replace(first[1], also_in=(*first[1].also_in, hit.document)))
    return list(kept.values())


def _marked(query: str, hits: list[Hit]) -> list[Hit]:
    patterns = surface_patterns(query[:_WORDS_FROM]) if hits else []
    return [replace(hit, spans=_spans(hit.text, patterns)) for hit in hits]


def _spans(text: str, patterns: Sequence[Any]) -> list[tuple[int, int]]:
    """Return the places of the query's words, in order, those that touch or overlap joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(match.span() for pattern in patterns for match in pattern.finditer(text)):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
