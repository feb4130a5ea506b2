"""Segments: the vectors and the words of some chunks, in a folder that never changes once it is written.

A few thousand chunks are searched exactly; a larger segment has an inverted file (FAISS IVF) whose number of probed lists is
chosen by measuring its recall when it is made. Everything large is memory-mapped. Nothing is pickled.
"""

from __future__ import annotations

import importlib
import json
import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mactuner_core.rag.embedder import Vectors

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LISTS = "dense.faiss"
MOST_CHUNKS = 32_768  # of one segment: bounds the memory that making one takes
EXACT_NUMBERS = 6_000_000  # up to so many numbers in a segment's vectors all of them are compared
FEW = 4_000  # allowed chunks: they are compared one by one, whatever the index
WANTED_RECALL = 0.99
_SAMPLE = 200
_LEAST_IN_A_LIST = 40  # chunks on average; FAISS finds good centres from as many

_K1, _B = 1.2, 0.75


def write_segment(folder: Path, rows: Rows, vectors: Vectors, words: Sequence[Sequence[str]], threads: int) -> None:
    """Write the chunks `rows` (ascending) with their unit vectors (chunks, size) and words to the new folder, down to the disk."""
    folder.mkdir()
    np.save(folder / "rows.npy", rows)
    half = vectors.astype(np.float16)
    np.save(folder / "vectors.npy", half)
    if half.size > EXACT_NUMBERS:
        write_lists(folder / LISTS, half.astype(np.float32), threads)
    _write_words(folder / "words", words)
    for path in [*folder.rglob("*"), folder]:
        _to_disk(path)


def file_sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of each file of a segment, by which damage is seen when it is opened."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


class Segment:
    """An open segment. Searching is safe from any thread. Raises OSError, ValueError or RuntimeError when files are damaged."""

    def __init__(self, folder: Path, sizes: dict[str, int]) -> None:
        bm25s = _bm25s()
        if (found := file_sizes(folder)) != sizes:
            wrong = sorted(name for name in sizes.keys() | found.keys() if sizes.get(name) != found.get(name))
            raise ValueError(f"{folder.name}/{wrong[0]}: {found.get(wrong[0], 0)} bytes")
        self.name = folder.name
        self.rows: Rows = np.load(folder / "rows.npy")
        self.vectors: npt.NDArray[np.float16] = _mapped(np.load(folder / "vectors.npy", mmap_mode="r"))
        self.exact = not (folder / LISTS).exists()
        self._dense = self._flat() if self.exact else _read_lists(folder / LISTS)
        bm25 = bm25s.BM25.load(folder / "words", mmap=True, load_vocab=True, show_progress=False)
        self._scores = {name: _mapped(bm25.scores[name]) for name in ("data", "indices", "indptr")}
        self._vocabulary: dict[str, int] = bm25.vocab_dict

    def __len__(self) -> int:
        return len(self.rows)

    def position(self, row: int) -> int | None:
        """Return where chunk `row` is in this segment, or None."""
        place = int(np.searchsorted(self.rows, row))
        return place if place < len(self.rows) and self.rows[place] == row else None

    def dense(self, query: Vectors, count: int, allowed: Mask | None) -> tuple[Rows, Vectors]:
        """Return positions and cosines of the nearest chunks among those `allowed`, best first."""
        if allowed is not None and int(allowed.sum()) <= FEW:
            positions = np.flatnonzero(allowed)
            cosines = self.cosines(query, positions)
            best = np.argsort(-cosines)[:count]
            return positions[best], cosines[best]
        parameters = None if allowed is None else self._only(np.packbits(allowed, bitorder="little"))
        cosines, positions = self._dense.search(query[None, :], min(count, len(self)), params=parameters)
        found = positions[0] >= 0
        return positions[0][found], cosines[0][found]

    def cosines(self, query: Vectors, positions: Rows) -> Vectors:
        """Return the cosines of the query and the chunks at these positions."""
        return np.asarray(self.vectors[positions].astype(np.float32) @ query, dtype=np.float32)

    def frequency(self, word: str) -> int:
        """Return how many chunks have the word."""
        start, end = self._span(word)
        return end - start

    def lexical(self, weights: dict[str, float], count: int, allowed: Mask | None) -> tuple[Rows, Vectors]:
        """Return positions and BM25 scores of the best chunks; `weights` multiply what the index holds of each word."""
        spans = [(weight, *span) for word, weight in weights.items() if (span := self._span(word))[0] < span[1]]
        if not spans:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        chunks = np.concatenate([self._scores["indices"][start:end] for _, start, end in spans])
        parts = np.concatenate([weight * self._scores["data"][start:end] for weight, start, end in spans])
        scores = np.bincount(chunks, parts, minlength=len(self)).astype(np.float32)
        if allowed is not None:
            scores[~allowed] = 0
        best = np.argpartition(-scores, count)[:count] if count < len(scores) else np.arange(len(scores))
        best = best[scores[best] > 0]
        best = best[np.argsort(-scores[best], kind="stable")]
        return best, scores[best]

    def holds(self, word: str, positions: Rows) -> Mask:
        """Tell which of the chunks at these positions have the word."""
        start, end = self._span(word)
        if start == end:
            return np.zeros(len(positions), dtype=np.bool_)
        having = self._scores["indices"][start:end]
        places = np.minimum(np.searchsorted(having, positions), len(having) - 1)
        return np.asarray(having[places] == positions)

    def _span(self, word: str) -> tuple[int, int]:
        number = self._vocabulary.get(word)
        if number is None:
            return 0, 0
        starts = self._scores["indptr"]
        return int(starts[number]), int(starts[number + 1])

    def _only(self, bits: npt.NDArray[np.uint8]) -> Any:
        """Return parameters that let the index look at the chunks with a bit only."""
        faiss: Any = importlib.import_module("faiss")  # its own types do not know what its Python side takes
        selector = faiss.IDSelectorBitmap(bits)
        if self.exact:
            return faiss.SearchParameters(sel=selector)
        return faiss.SearchParametersIVF(sel=selector, nprobe=self._dense.nprobe)

    def _flat(self) -> Any:
        import faiss

        index = faiss.IndexScalarQuantizer(
            self.vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        index.add(self.vectors.astype(np.float32))
        return index


def rarity(chunks: int, having: int) -> float:
    """Return the weight of a word that `having` of `chunks` chunks have, as bm25s counts it ("lucene")."""
    return math.log(1 + (chunks - having + 0.5) / (having + 0.5))


def _mapped(array: Any) -> Any:
    """Return a memory-mapped array as a plain one over the same map: NumPy's own class for maps makes each small slice slow."""
    return array.view(np.ndarray)


def _bm25s() -> Any:
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it makes itself heard at DEBUG, whatever the program wants
    return bm25s


def _write_words(folder: Path, words: Sequence[Sequence[str]]) -> None:
    bm25s = _bm25s()
    vocabulary: dict[str, int] = {"": 0}
    numbers = [[vocabulary.setdefault(word, len(vocabulary)) for word in one] or [0] for one in words]
    bm25 = bm25s.BM25(method="lucene", k1=_K1, b=_B)
    bm25.index((numbers, vocabulary), show_progress=False)
    bm25.save(folder, show_progress=False)


def write_lists(path: Path, vectors: Vectors, threads: int) -> None:
    """Write the inverted file of unit vectors (chunks, size)."""
    import faiss

    faiss.omp_set_num_threads(threads)
    try:
        lists = max(1, min(int(4 * math.sqrt(len(vectors))), len(vectors) // _LEAST_IN_A_LIST))
        size = vectors.shape[1]
        quantizer = faiss.IndexFlatIP(size)
        index = faiss.IndexIVFScalarQuantizer(
            quantizer, size, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
        )
        index.cp.niter = 8
        index.train(vectors)
        index.add(vectors)
        index.nprobe = _probes(index, vectors, lists)
        faiss.write_index(index, str(path))
    finally:
        faiss.omp_set_num_threads(1)


def _probes(index: Any, vectors: Vectors, lists: int) -> int:
    """Return how many lists to look into so that of the ten nearest to a question 99 % are found.

    A stored vector is too easy a question: it lies in the list that is looked at first. As far as real questions from their
    answers (a cosine of about 0.7) are stored vectors moved by the difference of two others. A sixteenth
    of the lists is looked into in any case: it costs little, and people ask less regularly than that.
    """
    random = np.random.default_rng(0)
    one, other, third = vectors[random.choice(len(vectors), size=(3, _SAMPLE))]
    questions = one + 0.75 * (other - third)
    questions /= np.linalg.norm(questions, axis=1, keepdims=True)
    wanted = np.argsort(-(questions @ vectors.T), axis=1)[:, :10]
    probes = min(lists, max(8, lists // 16))
    while probes < lists:
        index.nprobe = probes
        found = index.search(questions, 10)[1]
        hits = sum(len(set(near) & set(seen)) for near, seen in zip(wanted.tolist(), found.tolist(), strict=True))
        if hits >= WANTED_RECALL * wanted.size:
            return probes
        probes = probes * 5 // 4 + 1
    return lists


def _read_lists(path: Path) -> Any:
    faiss: Any = importlib.import_module("faiss")  # its own types do not know what it returns
    faiss.omp_set_num_threads(1)  # a question waits for no other thread, and a model that writes keeps its cores
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    lists = faiss.downcast_InvertedLists(index.invlists)
    lists.prefetch_nthread = 0  # starting 32 threads for each question takes longer than the search
    return index


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sizes_text(folder: Path) -> str:
    """Return the file sizes of a segment as they are kept in the store."""
    return json.dumps(file_sizes(folder))
