"""A large segment finds by its lists what comparing everything finds, with and without filters; words count over all segments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mactuner_core.rag import segment as segments
from mactuner_core.rag.embedder import Vectors
from mactuner_core.rag.segment import Segment, file_sizes, rarity, write_segment

CHUNKS, SIZE = 6000, 48


def unit(vectors: np.ndarray) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    random = np.random.default_rng(3)
    themes = random.normal(size=(60, SIZE))
    return unit(themes[random.integers(0, 60, CHUNKS)] + 0.8 * random.normal(size=(CHUNKS, SIZE)))


@pytest.fixture(params=["exact", "lists"])
def segment(
    request: pytest.FixtureRequest, tmp_path: Path, vectors: Vectors, monkeypatch: pytest.MonkeyPatch
) -> Segment:
    monkeypatch.setattr(segments, "EXACT_NUMBERS", 10**9 if request.param == "exact" else 1000)
    monkeypatch.setattr(segments, "FEW", 50)
    words = [["all", f"tenth{number % 10}", f"only{number}"] for number in range(CHUNKS)]
    write_segment(tmp_path / "one", np.arange(CHUNKS) * 2 + 1, vectors, words, 1)
    opened = Segment(tmp_path / "one", file_sizes(tmp_path / "one"))
    assert opened.exact == (request.param == "exact")
    return opened


def questions(vectors: Vectors) -> Vectors:
    random = np.random.default_rng(5)
    return unit(vectors[random.integers(0, CHUNKS, 100)] + 0.14 * random.normal(size=(100, SIZE)))  # a cosine of 0.7


@pytest.mark.parametrize("share", [1.0, 0.5, 0.002])
def test_the_nearest_are_found(segment: Segment, vectors: Vectors, share: float) -> None:
    allowed = None if share == 1 else np.random.default_rng(1).random(CHUNKS) < share
    stored = vectors.astype(np.float16).astype(np.float32)
    hits = total = 0
    for question in questions(vectors):
        cosines = stored @ question
        if allowed is not None:
            cosines[~allowed] = -2
        wanted = np.argsort(-cosines)[:10]
        wanted = wanted[cosines[wanted] > -2]
        positions, found = segment.dense(question, 10, allowed)
        assert np.allclose(found, cosines[positions], atol=2e-3)
        assert list(found) == sorted(found, reverse=True)
        hits += len(set(positions.tolist()) & set(wanted.tolist()))
        total += len(wanted)
    assert hits / total >= 0.98


def test_words_are_found_among_allowed_chunks(segment: Segment) -> None:
    assert segment.frequency("all") == CHUNKS
    assert segment.frequency("tenth3") == CHUNKS // 10
    assert segment.frequency("nothing") == 0
    positions, scores = segment.lexical({"tenth3": 1.0, "only13": 1.0, "nothing": 1.0}, 5, None)
    assert positions[0] == 13 and scores[0] > scores[1]
    allowed = np.ones(CHUNKS, dtype=bool)
    allowed[13] = False
    assert 13 not in segment.lexical({"only13": 1.0, "tenth3": 1.0}, 5, allowed)[0]
    assert segment.holds("tenth3", np.array([3, 4, 13])).tolist() == [True, False, True]
    assert segment.holds("nothing", np.array([3])).tolist() == [False]


def test_a_rare_word_weighs_more_and_rows_are_kept(segment: Segment) -> None:
    assert rarity(100, 1) > rarity(100, 50) > 0
    assert segment.rows[13] == 27


def test_nothing_is_pickled(segment: Segment, tmp_path: Path) -> None:
    for path in (tmp_path / "one").rglob("*.npy"):
        np.load(path, allow_pickle=False)
