"""Several models: loaded when asked for, unloaded by number, memory and age, never while somebody uses them."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.errors import InputError
from serving.engine.engine import NotReadyError
from serving.engine.generation import Delta, Finished
from serving.engine.pool import Lease, ModelNotFoundError, Pool
from serving.engine.turns import Turns
from serving.models import ServedModel
from serving.settings import ServeSettings
from tests.serving.conftest import PAIRS, Taught
from tests.serving.engine.driving import question


@pytest.fixture
def pool_of(taught: Taught, tmp_path: Path) -> Callable[..., Pool]:
    """A function that makes a pool of copies of the taught model under the given names."""

    def make(*names: str, **settings: Any) -> Pool:
        models = []
        for name in names:
            path = tmp_path / f"{name}.gguf"
            if not path.exists():
                shutil.copy(taught.gguf, path)
            models.append(ServedModel(path, name))
        values = {"model": [str(models[0].path)], "n_ctx": 512, "n_threads": 1, **settings}
        return Pool(models, ServeSettings.check(values))

    return make


def within(pool: Pool, work: Callable[[], Awaitable[None]]) -> None:
    """Start the pool in a loop of its own, do the work and stop it."""

    async def whole() -> None:
        pool.start()
        await pool.first.wait_ready()
        try:
            await work()
        finally:
            await pool.stop()

    before = set(threading.enumerate())
    asyncio.run(whole())
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("engine ")]


async def ask(lease: Lease, text: str) -> str:
    """Return the answer of a leased model."""
    assert lease.engine.model is not None
    generation = question(lease.engine.model, text, adapter=lease.adapter)
    lease.engine.submit(generation)
    parts = []
    async for event in generation.events():
        assert isinstance(event, Delta | Finished)
        if isinstance(event, Delta):
            parts.append(event.text)
    return "".join(parts)


def loaded(pool: Pool) -> list[str]:
    return sorted(engine.served.name for engine in pool.engines())


def test_models_load_when_asked_for_and_the_longest_unused_makes_room(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of("a", "b", "c", max_loaded_models=2)

    async def work() -> None:
        assert loaded(pool) == ["a"]
        for name, expected in (("b", ["a", "b"]), ("a", ["a", "b"]), ("c", ["a", "c"]), ("b", ["b", "c"])):
            async with pool.lease(name) as lease:
                assert await ask(lease, "Say hello") == PAIRS["Say hello"]
            assert loaded(pool) == expected

    within(pool, work)


def test_a_model_in_use_is_never_unloaded(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of("a", "b", max_loaded_models=1)

    async def work() -> None:
        async with pool.lease("a") as held:
            waiting = asyncio.create_task(self_closing(pool, "b"))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            assert await ask(held, "Say hello") == PAIRS["Say hello"]
        assert await waiting == PAIRS["Count"]
        assert loaded(pool) == ["b"]

    within(pool, work)


async def self_closing(pool: Pool, name: str) -> str:
    async with pool.lease(name) as lease:
        return await ask(lease, "Count")


def test_memory_is_a_limit_too(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of("a", "b", max_loaded_models=9, model_memory_mb=1, n_ctx=4096)

    async def work() -> None:
        assert pool.first.bytes > 200_000
        assert await self_closing(pool, "b") == PAIRS["Count"]
        assert loaded(pool) == ["b"]
        assert await self_closing(pool, "a") == PAIRS["Count"]
        assert loaded(pool) == ["a"]

    within(pool, work)


def test_an_old_model_leaves_and_comes_back(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of("a", unload_after_s=1)

    async def work() -> None:
        assert await self_closing(pool, "a") == PAIRS["Count"]
        for _ in range(100):
            if not pool.engines():
                break
            await asyncio.sleep(0.1)
        assert loaded(pool) == []
        assert await self_closing(pool, "a") == PAIRS["Count"]

    within(pool, work)


def test_many_ask_for_a_model_that_is_not_loaded(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of("a", "b")

    async def work() -> None:
        answers = await asyncio.gather(*(self_closing(pool, name) for name in ["a", "b"] * 4))
        assert answers == [PAIRS["Count"]] * 8
        assert loaded(pool) == ["a", "b"]
        assert pool.counts == (0, 0)

    within(pool, work)


def test_a_file_that_cannot_be_loaded_is_said_and_tried_again(pool_of: Callable[..., Pool], taught: Taught) -> None:
    pool = pool_of("a", "b")
    broken = pool._places["b"].served.path
    broken.write_bytes(taught.gguf.read_bytes()[:1000])

    async def work() -> None:
        with pytest.raises(InputError):
            await self_closing(pool, "b")
        assert await self_closing(pool, "a") == PAIRS["Count"]
        shutil.copy(taught.gguf, broken)
        assert await self_closing(pool, "b") == PAIRS["Count"]

    within(pool, work)


def test_unknown_names_and_a_stopped_pool(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of("a", "b")

    async def work() -> None:
        with pytest.raises(ModelNotFoundError, match="a, b"):
            await self_closing(pool, "c")

    within(pool, work)
    with pytest.raises(NotReadyError):
        asyncio.run(self_closing(pool, "a"))


def test_turns_go_by_arrival() -> None:
    turns, order, started = Turns(), [], threading.Barrier(2)

    def take(number: int) -> None:
        with turns:
            order.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]

    def hold() -> None:
        with turns:
            started.wait()
            for thread in threads:
                waiting = len(turns._waiting)
                thread.start()
                while len(turns._waiting) == waiting:
                    time.sleep(0.001)

    holder = threading.Thread(target=hold)
    holder.start()
    started.wait()
    for thread in [holder, *threads]:
        while not thread.ident:
            time.sleep(0.001)
        thread.join()
    assert order == list(range(8))
