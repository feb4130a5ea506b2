"""Re-ranking: a cross-encoder reads question and chunk together, which is slower and more exact than comparing vectors."""

from __future__ import annotations

import functools
import threading
from dataclasses import replace
from typing import Any, TypeVar

from mactuner_core.errors import InputError
from mactuner_core.rag.hits import Hit

Other = TypeVar("Other")

_BATCH = 16
_lock = threading.Lock()


def reranked(query: str, found: list[tuple[Other, Hit]], model: str) -> list[tuple[Other, Hit]]:
    """Return the hits in the order of the model `model` (name or folder), its probability as their score; raises InputError."""
    if not found:
        return []
    with _lock:
        texts = [(query, "\n".join([*hit.headings, hit.text])) for _, hit in found]
        scores = _probabilities(_loaded(model), texts)
    scored = [(other, replace(hit, score=round(score, 4))) for (other, hit), score in zip(found, scores, strict=True)]
    return sorted(scored, key=lambda one: -one[1].score)


def _probabilities(model: Any, pairs: list[tuple[str, str]]) -> list[float]:
    import torch

    scores = model.predict(
        pairs, batch_size=_BATCH, activation_fn=torch.nn.Sigmoid(), convert_to_numpy=True, show_progress_bar=False
    )
    return [float(score) for score in scores]


@functools.lru_cache(maxsize=1)
def _loaded(name: str) -> Any:
    from sentence_transformers import CrossEncoder

    try:
        model = CrossEncoder(name, device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True})
    except (OSError, ValueError, KeyError) as problem:
        reason = " ".join(str(problem).split())[:300]
        raise InputError("rag.no_rerank_model", name=name, reason=reason) from problem
    if model.num_labels != 1:
        raise InputError("rag.no_rerank_model", name=name, reason=f"{model.num_labels} labels, not 1")
    return model
