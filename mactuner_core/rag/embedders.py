"""Embedding models by name, each loaded once in this process."""

from __future__ import annotations

import functools
import threading

from mactuner_core.rag.config import BILINGUAL
from mactuner_core.rag.embedder import Embedder, EmbeddingModel
from mactuner_core.rag.sentences import pieces

_loading = threading.Lock()


def load_embedder(name: str, threads: int = 1) -> EmbeddingModel:
    """Return the model of this name (a known one, on the Hub, or a folder); raises InputError."""
    with _loading:
        return _loaded(name, threads)


@functools.lru_cache(maxsize=2)
def _loaded(name: str, threads: int) -> EmbeddingModel:
    if name == BILINGUAL:
        from mactuner_core.rag.bilingual import BilingualEmbedder  # with the Korean analyser

        return BilingualEmbedder(threads)
    return Embedder(name, threads)


def parts_that_fit(text: str, embedder: EmbeddingModel) -> list[str]:
    """Cut a text that is longer than the model reads into parts that it does read, at lines or spaces."""
    return pieces(text, lambda part: embedder.lengths([part], "passage")[0] <= embedder.longest)
