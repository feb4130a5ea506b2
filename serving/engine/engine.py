"""The engine of one model: one thread that owns the model and its memory, and hands events to the event loop.

The HTTP side calls `submit` and reads the events of the returned generation. Nothing else touches llama.cpp.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Literal

from mactuner_core.errors import InputError, MacTunerError, WorkError
from serving.engine.context import Context
from serving.engine.generation import Generation
from serving.engine.large_pages import large_pages
from serving.engine.llama import Model
from serving.engine.prefix_store import PrefixStore
from serving.engine.scheduler import LiveRequest, Posted, Scheduler
from serving.engine.turns import Turns
from serving.models import ServedModel
from serving.settings import ServeSettings

State = Literal["loading", "ready", "failed", "stopped"]
_SWITCH_S = (
    0.0005  # how long Python lets one thread run: the engine must not wait 5 ms behind the event loop after a turn
)
log = logging.getLogger("serving")


class QueueFullError(WorkError):
    """As many requests wait as the settings allow: HTTP 429."""


class NotReadyError(WorkError):
    """The model is loading, or the server is stopping: HTTP 503."""


class Engine:
    """Loads the model in its own thread and answers until it is stopped."""

    def __init__(self, served: ServedModel, settings: ServeSettings, turns: Turns | None = None) -> None:
        self.served = served
        self.settings = settings
        self.state: State = "loading"
        self.problem: MacTunerError | None = None
        self.model: Model | None = None
        self.longest = 0
        self.bytes = 0  # that weights and context take, about; kept, because the model may be freed when somebody asks
        self._turns = turns or Turns()
        self._scheduler: Scheduler | None = None
        self._store: PrefixStore | None = None
        self._inbox: deque[Generation] = deque()
        self._work = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._settled: asyncio.Event | None = None

    def start(self) -> None:
        """Start the thread; call it in the event loop that will read the events."""
        sys.setswitchinterval(_SWITCH_S)
        self._loop = asyncio.get_running_loop()
        self._settled = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"engine {self.served.name}", daemon=True)
        self._thread.start()

    async def wait_ready(self) -> None:
        """Wait until the model is loaded; raises the error when it could not be."""
        if self._settled is not None:
            await self._settled.wait()
        if self.problem:
            raise self.problem

    def submit(self, generation: Generation) -> None:
        """Queue a request; raises NotReadyError or QueueFullError."""
        if self.state != "ready":
            raise NotReadyError("serving.not_ready", state=self.state)
        with self._work:
            inside = len(self._inbox) + sum(self.counts)
            if inside >= self.settings.n_parallel + self.settings.queue_size:
                raise QueueFullError("serving.queue_full", waiting=inside - self.settings.n_parallel)
            self._inbox.append(generation)
            self._work.notify()

    @property
    def counts(self) -> tuple[int, int]:
        """How many requests run and how many wait."""
        return self._scheduler.counts if self._scheduler else (0, 0)

    @property
    def turns(self) -> int:
        """How many turns there have been."""
        return self._scheduler.turns if self._scheduler else 0

    def live(self) -> list[LiveRequest]:
        """Return the requests inside; safe from any thread."""
        return self._scheduler.live() if self._scheduler else []

    def stop(self) -> None:
        """End the thread after its turn, fail what is still running, and free the model."""
        with self._work:
            self._stopping = True
            self._work.notify()
        if self._thread:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        context: Context | None = None
        try:
            context = self._load()
        except MacTunerError as problem:
            self._settle("failed", None if self._stopping else problem)
        except Exception as problem:  # whatever the library raises must reach the person, not die with the thread
            self._settle("failed", WorkError("serving.load_crashed", reason=repr(problem)))
        else:
            self._settle("ready", None)
            self._serve(context)
        self.state = "stopped" if self.state == "ready" else self.state
        if context:
            context.close()
        self.bytes = 0
        if self.model:
            self.model.close()

    def _n_ctx(self) -> int:
        trained = self.model.trained_context if self.model else 0
        return min(self.settings.n_ctx, trained or self.settings.n_ctx)

    def _load(self) -> Context:
        settings = self.settings
        with large_pages():
            self.model = Model(self.served.path, wanted=lambda: not self._stopping)
        if not self.model.chat_template:
            raise InputError("serving.no_chat_template", path=self.served.path)
        n_ctx = self._n_ctx()
        places = 1 if settings.shared_context else settings.n_parallel
        self.bytes = self.model.bytes + self.model.memory_bytes(n_ctx * places)
        context = Context(
            self.model,
            n_ctx=n_ctx,
            n_parallel=settings.n_parallel,
            n_batch=max(min(settings.n_batch, n_ctx * places), settings.n_parallel),
            n_threads=settings.threads(),
            shared=settings.shared_context,
        )
        try:
            for name, path in self.served.adapters:
                context.add_adapter(name, path)
            self._scheduler = Scheduler(
                self.model,
                context,
                settings.n_parallel,
                prefix_cache=settings.prefix_cache,
                speculation=settings.speculation,
                timeout_s=settings.request_timeout_s,
            )
            if settings.prefix_cache_dir and settings.prefix_cache:
                limit = settings.prefix_cache_disk_mb * 1_000_000
                self._store = PrefixStore(Path(settings.prefix_cache_dir).expanduser(), self.served, limit)
                self._scheduler.restore(self._store)
        except BaseException:
            context.close()
            raise
        self.longest = self._scheduler.longest
        return context

    def _serve(self, context: Context) -> None:
        scheduler = self._scheduler
        assert scheduler is not None  # noqa: S101 - set by _load
        while not self._stopping:
            try:
                self._take_requests(scheduler)
                with self._turns:
                    posted = scheduler.turn()
            except Exception:  # one bad request must never end the engine
                log.exception("the engine failed at a turn")
                posted = scheduler.fail_all(WorkError("serving.engine_failed"))
            self._deliver(posted)
        self._take_requests(scheduler)
        if self._store:
            self._store.save(context, scheduler.cache)
        self._deliver(scheduler.fail_all(NotReadyError("serving.not_ready", state="stopping")))

    def _take_requests(self, scheduler: Scheduler) -> None:
        """Move new requests to the scheduler, waiting when there is nothing to do."""
        with self._work:
            while not (self._inbox or scheduler.busy or self._stopping):
                self._work.wait()
            while self._inbox:
                scheduler.add(self._inbox.popleft())

    def _deliver(self, posted: Posted) -> None:
        """Hand all events of a turn to the event loop in one call."""
        if posted and self._loop:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is listening any more
                self._loop.call_soon_threadsafe(_post_all, posted)

    def _settle(self, state: State, problem: MacTunerError | None) -> None:
        self.problem = problem
        self.state = state
        if self._loop and self._settled:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._settled.set)


def _post_all(posted: Posted) -> None:
    for generation, event in posted:
        generation.post(event)
