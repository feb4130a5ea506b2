"""Several models under one roof: loaded when they are asked for, unloaded when they are old or the memory is needed.

Every model has an engine of its own; they compute in turns (`turns.py`). A request holds a lease on its engine, and an engine
with leases is never unloaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from mactuner_core.errors import MacTunerError
from mactuner_core.hardware import detect
from serving.engine.engine import Engine, NotReadyError
from serving.engine.turns import Turns
from serving.models import ServedModel
from serving.settings import ServeSettings

_LOOK_S = 1.0  # how often the age of unused models is looked at


class ModelNotFoundError(MacTunerError):
    """Nobody serves a model of this name: HTTP 404."""


@dataclass(frozen=True)
class Lease:
    """A loaded model for one request: its name as the client wrote it, its engine, and the adapter the name stands for."""

    name: str
    engine: Engine
    adapter: str | None


@dataclass(eq=False)
class _Place:
    served: ServedModel
    engine: Engine | None = None
    leases: int = 0
    used_s: float = 0.0


class Pool:
    """The models a server offers; all methods but `stop` run in the event loop."""

    def __init__(self, models: Sequence[ServedModel], settings: ServeSettings) -> None:
        self.settings = settings
        self.created = int(time.time())
        self._places = {model.name: _Place(model) for model in models}
        self._adapters = {name: model.name for model in models for name, _ in model.adapters}
        self._turns = Turns()
        self._changed = asyncio.Condition()
        self._loading = asyncio.Lock()
        self._stopping = False
        self._caretaker: asyncio.Task[None] | None = None

    @property
    def first(self) -> Engine:
        """The engine of the first model, the one that is loaded at the start."""
        place = next(iter(self._places.values()))
        if place.engine is None:
            place.engine = Engine(place.served, self.settings, self._turns)
        return place.engine

    def names(self) -> list[str]:
        """Return every name that a client may use: the models', then the adapters'."""
        return [*self._places, *self._adapters]

    def engines(self) -> list[Engine]:
        """Return the engines there are, loading ones too; safe from any thread."""
        return [place.engine for place in [*self._places.values()] if place.engine]

    @property
    def counts(self) -> tuple[int, int]:
        """How many requests run and how many wait, in all models together."""
        counts = [engine.counts for engine in self.engines()]
        return sum(running for running, _ in counts), sum(waiting for _, waiting in counts)

    @property
    def state(self) -> str:
        """What the server is: loading, ready, failed or stopped."""
        if self._stopping:
            return "stopped"
        states = [engine.state for engine in self.engines()]
        return "ready" if "ready" in states or not states else states[0]

    def start(self) -> None:
        """Begin to load the first model, and look after the age of all."""
        self.first.start()
        self._caretaker = asyncio.create_task(self._unload_old_ones())

    async def stop(self) -> None:
        """End every engine; what still runs is failed."""
        self._stopping = True
        if self._caretaker:
            self._caretaker.cancel()
        await asyncio.gather(*(asyncio.to_thread(engine.stop) for engine in self.engines()))

    @contextlib.asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[Lease]:
        """Hold the model of this name, loaded now if it is not yet.

        Raises ModelNotFoundError, NotReadyError while the server starts or stops, or why the model cannot be loaded.
        """
        base = self._adapters.get(name, name)
        if base not in self._places:
            raise ModelNotFoundError("serving.model_not_found", name=name[:200], known=", ".join(self.names()))
        place = self._places[base]
        place.leases += 1
        try:
            engine = await self._ready_engine(place)
            yield Lease(name, engine, name if name in self._adapters else None)
        finally:
            place.leases -= 1
            place.used_s = time.monotonic()
            async with self._changed:
                self._changed.notify_all()

    async def _ready_engine(self, place: _Place) -> Engine:
        if self._stopping:
            raise NotReadyError("serving.not_ready", state="stopping")
        first = next(iter(self._places.values()))
        if place is first and place.engine and place.engine.state == "loading" and not place.used_s:
            raise NotReadyError("serving.not_ready", state="loading")  # the server itself is starting
        if place.engine and place.engine.state == "ready":
            return place.engine
        async with self._loading:
            if place.engine is None or place.engine.state in ("failed", "stopped"):
                await self._make_room(place)
                place.engine = Engine(place.served, self.settings, self._turns)
                place.engine.start()
            try:
                await place.engine.wait_ready()
            except MacTunerError:
                place.engine = None  # the next request tries again: the file may be mended by then
                raise
            return place.engine

    async def _make_room(self, wanted: _Place) -> None:
        """Unload models, the longest unused first, until another one may be loaded; waits for one that answers."""
        limit = self.settings.model_memory_mb * 1_000_000 or detect().system_memory_bytes // 2
        needed = wanted.served.path.stat().st_size
        while True:
            loaded = [place for place in self._places.values() if place.engine and place is not wanted]
            used = sum(place.engine.bytes for place in loaded if place.engine)
            if len(loaded) < self.settings.max_loaded_models and (not loaded or used + needed <= limit):
                return
            idle = [place for place in loaded if not place.leases]
            if idle:
                await self._unload(min(idle, key=lambda place: place.used_s))
                continue
            async with self._changed:
                await self._changed.wait()

    async def _unload(self, place: _Place) -> None:
        engine, place.engine = place.engine, None
        if engine:
            await asyncio.to_thread(engine.stop)

    async def _unload_old_ones(self) -> None:
        while self.settings.unload_after_s:
            await asyncio.sleep(_LOOK_S)
            for place in self._places.values():
                old = time.monotonic() - place.used_s > self.settings.unload_after_s
                if place.engine and place.engine.state == "ready" and place.used_s and not place.leases and old:
                    async with self._loading:
                        if not place.leases:
                            await self._unload(place)
