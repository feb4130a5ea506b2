"""The embedding model in a thread of its own: loaded when it is first asked for, on one core, one batch at a time.

More would take cores from the models that write, whose threads wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from mactuner_core.rag.embedder import EmbeddingModel, Vectors
from mactuner_core.rag.embedders import load_embedder

_BATCH = 16  # texts in one go; a client that left ends its request before the next
Result = TypeVar("Result")


class EmbeddingWorker:
    """One embedding model for all requests."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.name = Path(model).name if Path(model).is_dir() else model
        self._embedder: EmbeddingModel | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedding")

    async def lengths(self, texts: Sequence[str]) -> tuple[list[int], int]:
        """Return the tokens of each text and how many the model takes; raises InputError when it cannot be loaded."""
        return await self.run(lambda embedder: (embedder.lengths(texts), embedder.longest))

    async def size(self) -> int:
        """Return how many numbers a vector has."""
        return await self.run(lambda embedder: embedder.size)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors; shape (texts, size)."""
        parts = [
            await self.run(lambda embedder, at=at: embedder.embed(texts[at : at + _BATCH]))  # type: ignore[misc]
            for at in range(0, len(texts), _BATCH)
        ]
        return np.concatenate(parts)

    def stop(self) -> None:
        """End the thread after its batch."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def run(self, work: Callable[[EmbeddingModel], Result]) -> Result:
        """Return what `work` makes with the model, in its thread; raises what it raises, and why the model cannot be loaded."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._loaded()))

    def _loaded(self) -> EmbeddingModel:
        if self._embedder is None:
            self._embedder = load_embedder(self.model)
        return self._embedder
