"""Running the application: the port, uvicorn, the wait for the model, and an end that lets streams finish."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import time
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from mactuner_core.errors import InputError, MacTunerError
from serving.app import create_app
from serving.connections import LARGEST_HEAD, Protocol, most_connections
from serving.engine.engine import Engine
from serving.engine.pool import Pool
from serving.guard import Gate
from serving.keys import load_keys
from serving.live import EVERY_S, Live, OnLive
from serving.logs import Notice
from serving.models import resolve_all
from serving.rag.choosing import all_names
from serving.rag.collections import Collections
from serving.settings import ServeSettings

_POLL_S = 0.1
_LAST_RESORT_S = 10  # after the answers were ended, what is still connected is cut
_CONNECTIONS = 1000  # besides those of the requests that may run and wait
log = logging.getLogger("serving")


class Server(uvicorn.Server):
    """uvicorn that asks for an end instead of ending: the first signal lets answers finish, the second cuts them."""

    asked_to_stop = False
    asked_to_cut = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take note of a signal."""
        self.asked_to_cut = self.asked_to_stop
        self.asked_to_stop = True

    def cut(self) -> None:
        """Close every connection at once; the requests notice that their clients have left."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def serve(
    settings: ServeSettings,
    *,
    on_ready: Callable[[str, list[str]], None],
    on_warning: Callable[[Notice], None],
    should_stop: Callable[[], bool] | None = None,
    on_live: OnLive | None = None,
) -> None:
    """Serve until a signal comes or `should_stop` says so.

    `on_ready` gets the URL and the model names once the model is loaded; `on_warning` what the person should know;
    `on_live` once a second, when it has changed, how the server stands (`live.py`; it runs in a thread). Raises InputError
    or WorkError when the server cannot start. Returns after the streams are finished or `shutdown_s` is over.
    """
    keys, notices = load_keys(settings)
    models = resolve_all(settings)
    for notice in [*notices, *(Notice(one.warning, {"model": one.name}) for one in models if one.warning)]:
        on_warning(notice)
    pool = Pool(models, settings)
    first = pool.first
    with _listen(settings.host, settings.port) as listener:
        app = create_app(settings, pool, keys)
        server = Server(_uvicorn_config(app, settings))
        url = _url(settings.host, listener)
        live = Live(pool, app.state.metrics, [model.name for model in models])
        beside = [
            _watch(
                server,
                app.state.gate,
                pool,
                first,
                lambda: on_ready(url, all_names(pool, app.state.collections)),
                should_stop,
            ),
            _tell(live, on_live),
            _warm(server, first, app.state.collections),
        ]
        try:
            with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:  # uvloop where there is one
                runner.run(_run(server, listener, beside))
        finally:
            for engine in pool.engines():
                engine.stop()  # again, in case uvicorn could not end the application
    if first.problem:
        raise first.problem


def _uvicorn_config(app: FastAPI, settings: ServeSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        limit_concurrency=most_connections(_CONNECTIONS + settings.n_parallel + settings.queue_size),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_LAST_RESORT_S,
        server_header=False,
        proxy_headers=False,
        ws="none",
    )


async def _run(server: Server, listener: socket.socket, beside: list[Coroutine[Any, Any, None]]) -> None:
    """Serve, with the tasks of `beside` running until the end; raises what one of them raised, which ends the server."""

    def end_with(task: asyncio.Task[None]) -> None:
        server.should_exit |= not task.cancelled() and task.exception() is not None

    tasks = [asyncio.create_task(one) for one in beside]
    for task in tasks:
        task.add_done_callback(end_with)
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _watch(
    server: Server,
    gate: Gate,
    pool: Pool,
    first: Engine,
    on_ready: Callable[[], None],
    should_stop: Callable[[], bool] | None,
) -> None:
    """Report when the first model is loaded, end the server when it cannot be, and look for the wish to stop.

    A stop closes the gate (new requests get 503), waits for what runs, ends that after `shutdown_s`, then closes.
    """
    await _started(server)
    loading = asyncio.create_task(first.wait_ready())
    told = False
    while not (server.asked_to_stop or (should_stop is not None and should_stop())):
        if loading.done() and not told:
            if loading.exception():  # kept in first.problem, raised by `serve`
                server.should_exit = True
                return
            on_ready()
            told = True
        await asyncio.sleep(_POLL_S)
    loading.cancel()
    gate.closed = True
    limit = time.monotonic() + pool.settings.shutdown_s
    while gate.inside and time.monotonic() < limit and not server.asked_to_cut:
        await asyncio.sleep(_POLL_S)
    if not server.asked_to_cut:
        await pool.stop()  # what still runs gets an error as its last event
    server.should_exit = True
    while True:  # uvicorn waits for the connections to close
        if server.asked_to_cut:
            server.cut()
        await asyncio.sleep(_POLL_S)


async def _tell(live: Live, on_live: OnLive | None) -> None:
    """Take a sample a second and pass on what has changed."""
    while True:
        await asyncio.sleep(EVERY_S)
        found = live.sample()
        if found is not None and on_live is not None:
            try:
                await asyncio.to_thread(on_live, found)
            except (MacTunerError, OSError) as problem:  # a full disk: nobody sees how it stands, but it answers
                log.warning("%s", problem)


async def _warm(server: Server, first: Engine, collections: Collections) -> None:
    """Load what the first question about documents needs, once the first model is there."""
    await _started(server)
    with contextlib.suppress(MacTunerError):  # `_watch` tells why the model is not there
        await first.wait_ready()
        await collections.warm()


async def _started(server: Server) -> None:
    while not server.started:
        await asyncio.sleep(0.02)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address; raises InputError when it is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as problem:
        listener.close()
        if problem.errno == errno.EADDRINUSE:
            raise InputError("serving.port_in_use", host=host, port=port) from problem
        reason = problem.strerror or str(problem)
        raise InputError("serving.cannot_listen", host=host, port=port, reason=reason) from problem
    return listener


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}/v1"
