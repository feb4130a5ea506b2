"""What the documents page says of documents before they are built."""

from __future__ import annotations

import pytest

from mactuner_core.rag.build import IndexRequest
from mactuner_core.rag.collections import open_collection
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.documents import read_document
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.rag_samples import index_here
from ui.rag_preview import expected_chunks


@pytest.mark.parametrize("name", ["library_rules_ko.pdf", "bike_share_manual_en.pdf"])
def test_as_many_chunks_come_as_were_expected(workspace: Workspace, name: str) -> None:
    file = SAMPLES / "documents" / name
    expected = expected_chunks(read_document(file), RagConfig())
    index_here(workspace, IndexRequest("seen", [file]))
    with open_collection(workspace, "seen") as collection:
        assert collection.facts()["chunks"] == expected
