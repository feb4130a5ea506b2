"""What the first question about documents needs is loaded before it is asked."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from mactuner_core.rag import embedders
from mactuner_core.rag.collections import remove_collection
from mactuner_core.rag.embedder import EmbeddingModel
from serving.api import embedding_worker
from serving.rag.collections import Collections
from tests.rag_samples import HANDBOOK, sample_collection
from tests.serving.conftest import PAIRS
from tests.serving.rag.conftest import WORK, Home
from tests.serving.test_chat import answer


def test_the_model_of_a_named_collection_is_loaded_before_anybody_asks(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = threading.Event()
    load = embedders.load_embedder

    def noted(model: str) -> EmbeddingModel:
        loaded.set()
        return load(model)

    monkeypatch.setattr(embedding_worker, "load_embedder", noted)
    home.serve(collection=[WORK])
    assert loaded.wait(180)


def test_a_collection_that_cannot_be_opened_does_not_end_the_server(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sample_collection(home.workspace, "gone", [HANDBOOK]).close()
    monkeypatch.setenv("MACTUNER_HOME", str(home.workspace.root))
    collections = Collections(["gone"])
    remove_collection(home.workspace, "gone")
    asyncio.run(collections.warm())
    assert "gone" in caplog.text
    collections.stop()

    async def broken(*_: object) -> None:
        raise RuntimeError("this search is broken")

    monkeypatch.setattr(Collections, "search", broken)
    server = home.serve(collection=[WORK])
    assert answer(server, "Say hello").choices[0].message.content == PAIRS["Say hello"]
    limit = time.monotonic() + 60
    while "this search is broken" not in caplog.text and time.monotonic() < limit:
        time.sleep(0.05)
    assert "this search is broken" in caplog.text
    assert answer(server, "Say hello").choices[0].message.content == PAIRS["Say hello"]
