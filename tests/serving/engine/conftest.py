"""The taught model, loaded once, and schedulers over contexts of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from serving.engine.context import Context
from serving.engine.llama import Model
from serving.engine.scheduler import Scheduler
from tests.serving.conftest import Taught


@pytest.fixture(scope="session")
def model(taught: Taught) -> Iterator[Model]:
    loaded = Model(taught.gguf)
    yield loaded
    loaded.close()


@pytest.fixture(params=[False, True], ids=["own cells", "shared cells"])
def make_scheduler(request: pytest.FixtureRequest, model: Model) -> Iterator[Callable[..., Scheduler]]:
    """A function that makes a scheduler, over both kinds of memory; its contexts are closed at the end."""
    contexts: list[Context] = []

    def make(
        n_ctx: int = 4096,
        n_parallel: int = 4,
        of: Model = model,
        n_batch: int = 512,
        shared: bool = request.param,
        **values: Any,
    ) -> Scheduler:
        sizes = {"n_ctx": n_ctx, "n_parallel": n_parallel, "n_batch": min(n_batch, n_ctx), "n_threads": 1}
        contexts.append(Context(of, **sizes, shared=shared))
        return Scheduler(of, contexts[-1], n_parallel, **values)

    yield make
    for context in contexts:
        context.close()
