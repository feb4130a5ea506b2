"""Hits and their neighbours packed into a window, over a real collection."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mactuner_core.rag.answer import Packed, pack
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.config import SearchConfig
from mactuner_core.rag.hits import Hit
from mactuner_core.workspace import open_workspace
from tests.rag_samples import HANDBOOK, sample_collection

QUESTION = "연차 휴가는 며칠이고 언제 신청하나요?"


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    with sample_collection(open_workspace(tmp_path_factory.mktemp("home")), "work") as made:
        yield made


@pytest.fixture(scope="module")
def hits(collection: Collection) -> list[Hit]:
    found = collection.search(QUESTION, SearchConfig(min_score=0, top_k=6))
    assert len(found) == 6
    return found


def packed(collection: Collection, hits: list[Hit], room: int, window: int = 0) -> Packed:
    """Pack with a tokenizer that has one token a sign."""
    return pack(hits, collection.neighbours, len, room, window=window)


def chunk_ids(result: Packed) -> list[str]:
    return [part.chunk_id for source in result.sources for part in source.parts]


def test_all_hits_have_room(collection: Collection, hits: list[Hit]) -> None:
    result = packed(collection, hits, 100_000)
    assert sorted(chunk_ids(result)) == sorted(hit.chunk_id for hit in hits)
    assert [source.number for source in result.sources] == list(range(1, len(result.sources) + 1))
    assert result.sources[0].chunk_id == hits[0].chunk_id
    assert result.sources[0].score == hits[0].score
    assert result.left_out == []
    assert result.tokens == len(result.text)
    assert re.findall(r'<source number="(\d+)"', result.text) == [str(source.number) for source in result.sources]
    assert result.text.count("</source>") == len(result.sources)


def test_what_has_no_room_is_known(collection: Collection, hits: list[Hit]) -> None:
    room = len(packed(collection, hits[:2], 100_000).text) + 60
    result = packed(collection, hits, room, window=2)
    assert len(result.text) <= room
    assert {hits[0].chunk_id, hits[1].chunk_id} <= {*chunk_ids(result)}
    assert {*result.left_out} | {*chunk_ids(result)} >= {hit.chunk_id for hit in hits}
    assert not {*result.left_out} & {*chunk_ids(result)}


def test_no_room_at_all(collection: Collection, hits: list[Hit]) -> None:
    result = packed(collection, hits, 20)
    assert (result.sources, result.text) == ([], "")
    assert result.left_out == [hit.chunk_id for hit in hits]


def test_neighbours_come_after_all_hits_and_join_them(collection: Collection, hits: list[Hit]) -> None:
    best = hits[0]
    around = [one.chunk_id for one in collection.neighbours(best.chunk_id, 1)]
    assert len(around) > 1
    (source,) = packed(collection, [best], 100_000, window=1).sources
    assert [part.chunk_id for part in source.parts] == around
    assert [part.score for part in source.parts] == [best.score if one == best.chunk_id else None for one in around]
    assert source.chunk_id == best.chunk_id
    for part in source.parts:
        whole = collection.chunk(part.chunk_id).text
        assert whole.endswith(source.text[part.start : part.end].strip())


def test_every_chunk_stands_once_and_repeated_sentences_too(collection: Collection) -> None:
    whole = collection.chunks(HANDBOOK)
    result = packed(collection, whole[:5] + whole[:3], 100_000, window=3)
    ids = chunk_ids(result)
    assert len(ids) == len(set(ids))
    (source,) = result.sources
    for line in filter(lambda line: len(line) > 20, source.text.splitlines()):
        assert source.text.count(line) == 1
