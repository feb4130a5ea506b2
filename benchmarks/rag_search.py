"""Searching among 100,000 chunks, put into a collection by the code that every build uses: how long, and how exact.

The vectors have the size of the offline default's. A question's own vector is made beforehand and is not in the time; the
analysis of its words is, Korean ones included. The approximate index is held against comparing every vector.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rag_made import CHUNK_TOKENS, Texts, WordVectors, document
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import create_collection, open_collection
from mactuner_core.rag.config import RagConfig, SearchConfig
from mactuner_core.rag.embedder import Vectors
from mactuner_core.workspace import open_workspace

SIZE = 640
OF_A_DOCUMENT = 1000  # chunks
_WARM = 20  # questions before the time counts
_NEAREST = 10


def filled(home: Path, texts: Texts, embedder: WordVectors, chunks: int, threads: int) -> Collection:
    """Make a collection of `chunks` chunks in the workspace `home` and return it open."""
    workspace = open_workspace(home)
    config = RagConfig(chunk_tokens=CHUNK_TOKENS, overlap_percent=0, threads=threads)
    create_collection(workspace, "made", config).close()
    collection = open_collection(workspace, "made", embedder)
    with collection.writer() as writer:
        for first in range(0, chunks, OF_A_DOCUMENT):
            count = min(OF_A_DOCUMENT, chunks - first)
            writer.put(document(f"{first:08}.txt", texts.some(first, count)))
    return collection


def search(quick: bool, threads: int) -> dict[str, Any]:
    """Return milliseconds of a search (p50, p95) by each method, and which share of the ten nearest the index finds."""
    chunks, asked = (20_000, 100) if quick else (100_000, 300)
    texts = Texts(own=40, korean=6)
    embedder = WordVectors(texts.words, SIZE)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with filled(Path(folder), texts, embedder, chunks, threads) as collection:
            build_s = time.perf_counter() - began
            facts = collection.facts()
            questions = _questions(texts, chunks, asked + _WARM)
            vectors = embedder.embed(questions)
            found: dict[str, Any] = {
                "chunks": facts["chunks"],
                "segments": facts["segments"],
                "index": facts["index"],
                "megabytes": round(facts["bytes"] / 1e6),
                "build_s": round(build_s, 1),
                "questions": asked,
            }
            for method in ("hybrid", "dense", "lexical"):
                times = _times(collection, SearchConfig.check({"method": method}), questions, vectors)
                found[f"{method}_p50_ms"], found[f"{method}_p95_ms"] = np.percentile(times, (50, 95)).round(2).tolist()
            found["recall_at_10"] = round(_recall(collection, questions[_WARM:], vectors[_WARM:]), 4)
    return found


def _questions(texts: Texts, chunks: int, count: int) -> list[str]:
    pick = random.Random(11)
    some = [text for first in range(0, chunks, OF_A_DOCUMENT) for text in texts.some(first, OF_A_DOCUMENT)[:10]]
    return [texts.question(pick.choice(some), pick) for _ in range(count)]


def _times(collection: Collection, config: SearchConfig, questions: Sequence[str], vectors: Vectors) -> list[float]:
    times = []
    for question, vector in zip(questions, vectors, strict=True):
        began = time.perf_counter()
        collection.search(question, config, vector=vector)
        times.append(1000 * (time.perf_counter() - began))
    return times[_WARM:]


def _recall(collection: Collection, questions: Sequence[str], vectors: Vectors) -> float:
    config = SearchConfig(method="dense", top_k=_NEAREST, min_score=0)
    wanted = _exact(collection, vectors)
    found = [
        {hit.chunk_id for hit in collection.search(question, config, vector=vector)}
        for question, vector in zip(questions, vectors, strict=True)
    ]
    return sum(len(one & other) for one, other in zip(found, wanted, strict=True)) / (_NEAREST * len(questions))


def _exact(collection: Collection, vectors: Vectors) -> list[set[str]]:
    """Return the ids of the chunks nearest to each question, all compared."""
    segments = collection.snapshots.newest().segments
    rows = np.concatenate([segment.rows for segment in segments])
    cosines = np.hstack([vectors @ segment.vectors.astype(np.float32).T for segment in segments])
    nearest = rows[np.argpartition(-cosines, _NEAREST, axis=1)[:, :_NEAREST]]
    known = collection.store.chunk_rows(np.unique(nearest).tolist())
    return [{known[row][1] for row in one} for one in nearest.tolist()]
