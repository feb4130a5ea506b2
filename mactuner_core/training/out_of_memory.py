"""Memory that runs out during training: known as such, said in words, and answered with a smaller micro-batch."""

from __future__ import annotations

import contextlib
import errno
import gc
import traceback
from collections.abc import Iterator

from mactuner_core.errors import WorkError
from mactuner_core.training.config import TrainingConfig

WORDS = (
    "out of memory",  # CUDA, Metal, bitsandbytes
    "can't allocate memory",  # PyTorch on a CPU
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "bad allocation",
    "alloc_failed",  # cuBLAS, cuDNN
    "invalid buffer size",  # Metal, for one tensor larger than it allows
)


def is_out_of_memory(problem: BaseException) -> bool:
    """Tell whether CUDA, Metal, the CPU allocator or the system had no memory left."""
    if isinstance(problem, MemoryError) or (isinstance(problem, OSError) and problem.errno == errno.ENOMEM):
        return True
    return isinstance(problem, Exception) and any(word in str(problem).lower() for word in WORDS)


def out_of_memory(config: TrainingConfig) -> WorkError:
    """Return the error that names four things to change."""
    names = ("batch_size", "gradient_accumulation", "max_length", "method")
    return WorkError("training.out_of_memory", **{name: getattr(config, name) for name in names})


@contextlib.contextmanager
def memory_errors_are_clear(config: TrainingConfig) -> Iterator[None]:
    """Turn whatever says that memory ran out into a WorkError that says what to change."""
    try:
        yield
    except Exception as problem:
        if is_out_of_memory(problem):
            raise out_of_memory(config) from problem
        raise


def smaller_batch(config: TrainingConfig) -> TrainingConfig | None:
    """Return `config` with about half the micro-batch and the same effective batch, or None at a micro-batch of one row.

    Where half does not divide the effective batch, the next smaller number that does is taken: 6 x 1 becomes 3 x 2,
    5 x 1 becomes 1 x 5.
    """
    if config.batch_size == 1:
        return None
    effective = config.batch_size * config.gradient_accumulation
    batch = next(size for size in range(config.batch_size // 2, 0, -1) if effective % size == 0)
    return config.model_copy(update={"batch_size": batch, "gradient_accumulation": effective // batch})


def free_memory(problem: BaseException) -> None:
    """Let go of everything that a failed attempt still holds through the frames of its error."""
    import torch

    found: BaseException | None = problem
    while found is not None:
        traceback.clear_frames(found.__traceback__)
        found = found.__cause__ or found.__context__
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
