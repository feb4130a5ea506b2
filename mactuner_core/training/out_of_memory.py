"""Memory that runs out during training, said in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mactuner_core.errors import WorkError
from mactuner_core.training.config import TrainingConfig


@contextlib.contextmanager
def memory_errors_are_clear(config: TrainingConfig) -> Iterator[None]:
    """Turn "out of memory" of CUDA, Metal or the CPU allocator into a WorkError that says what to change."""
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        text = str(problem).lower()
        if isinstance(problem, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
            values = {name: getattr(config, name) for name in ("batch_size", "max_length", "method")}
            raise WorkError("training.out_of_memory", **values) from problem
        raise
