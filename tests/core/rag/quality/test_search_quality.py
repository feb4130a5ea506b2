"""The whole search on the quality sets: two ways of searching together beat each alone, and words beat text.split() by far.

Offline, with the models that come as packages; the numbers are held loosely, the differences by their intervals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

import bm25s
import numpy as np
import pytest

from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import create_collection
from mactuner_core.rag.config import BILINGUAL, RagConfig, SearchConfig
from mactuner_core.rag.documents import Document
from mactuner_core.rag.documents.document import Block, make_page
from mactuner_core.rag.evaluate import Report, evaluate
from mactuner_core.rag.measures import difference
from mactuner_core.workspace import Workspace, open_workspace
from tests.core.rag.quality.quality_set import Passage, passages, questions

Method = Literal["hybrid", "dense", "lexical"]


def document(passage: Passage, language: str) -> Document:
    """A passage as a document of its own, named by its id."""
    blocks = [Block("heading", passage.title, level=1), Block("paragraph", passage.text)]
    content = f"{passage.title}\n{passage.text}".encode()
    sha256 = hashlib.sha256(content).hexdigest()
    return Document(passage.id, sha256, len(content), "text", passage.title, language, [make_page(1, blocks)], [])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return open_workspace(tmp_path_factory.mktemp("quality"))


@pytest.fixture(scope="module", params=["", "english_"], ids=["korean", "english"])
def reports(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[tuple[str, dict[str, Report[str]]]]:
    """The set's prefix, and a report for each way of searching."""
    prefix = str(request.param)
    name = f"quality-{prefix or 'korean'}".strip("_")
    with create_collection(workspace, name, RagConfig(embedding_model=BILINGUAL)) as collection:
        with collection.writer() as writer:
            for passage in passages(prefix):
                writer.put(document(passage, "en" if prefix else "ko"))
        methods: tuple[Method, ...] = ("hybrid", "dense", "lexical")
        measured = {method: measure(collection, method, prefix) for method in methods}
    yield prefix, measured | {"split": split_baseline(prefix)}


def measure(collection: Collection, method: Method, prefix: str) -> Report[str]:
    settings = SearchConfig(method=method, top_k=10, min_score=0)
    return evaluate(lambda question: [hit.document for hit in collection.search(question, settings)], questions(prefix))


def split_baseline(prefix: str) -> Report[str]:
    """BM25 over text.split(), as many a program does it."""
    index = bm25s.BM25()
    index.index([f"{one.title}\n{one.text}".split() for one in passages(prefix)], show_progress=False)
    ids = np.array([one.id for one in passages(prefix)])

    def search(question: str) -> list[str]:
        known = [word for word in question.split() if word in index.vocab_dict]
        scores = index.get_scores(known) if known else np.zeros(len(ids))
        best = np.argsort(-scores, kind="stable")[:10]
        return list(ids[best[scores[best] > 0]])

    return evaluate(search, questions(prefix))


def test_hybrid_beats_each_way_alone(reports: tuple[str, dict[str, Report[str]]]) -> None:
    prefix, report = reports
    hybrid = report["hybrid"].values("mrr")
    for alone in ("dense", "lexical"):
        better = difference(hybrid, report[alone].values("mrr"))
        assert better.mean > 0, (alone, better)
        if not prefix:  # 360 questions tell it from chance; 60 do not
            assert better.low > 0, (alone, better)


def test_words_beat_split_and_in_korean_by_a_wide_margin(reports: tuple[str, dict[str, Report[str]]]) -> None:
    prefix, report = reports
    for method in ("hybrid", "lexical"):
        better = difference(report[method].values("recall@5"), report["split"].values("recall@5"))
        assert better.mean > 0.05, (method, better)
        if not prefix:  # English words need splitting less, and 60 questions say little
            assert better.low > 0.2, (method, better)


def test_nearly_every_korean_question_finds_its_passage(reports: tuple[str, dict[str, Report[str]]]) -> None:
    prefix, report = reports
    assert report["hybrid"].measure("recall@5").mean > (0.95 if not prefix else 0.9)
    for kind in ("inflected", "misspelt"):
        assert report["hybrid"].measure("recall@5", kind).mean > 0.9, kind
