"""A long build merges as it goes: what is open at once stays bounded, and everything is found after."""

from __future__ import annotations

import pytest

from mactuner_core.rag import writer as writers
from mactuner_core.rag.collections import create_collection
from mactuner_core.rag.config import SearchConfig
from mactuner_core.workspace import Workspace
from tests.core.rag.conftest import Write


def test_a_long_build_leaves_few_segments_on_its_way(
    workspace: Workspace, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "MOST_PENDING", 1)
    monkeypatch.setattr(writers, "MOST_SMALL", 4)
    most = 0
    with create_collection(workspace, "many") as collection:
        with collection.writer() as writer:
            for number in range(14):
                writer.put(write(f"{number}.txt", f"The code of room {number} is number{number}.", language="en"))
                most = max(most, collection.facts()["segments"])
        assert most == 4
        lexical = SearchConfig(method="lexical", min_score=0)
        for number in range(14):
            assert collection.search(f"number{number}", lexical)[0].document == f"{number}.txt"
