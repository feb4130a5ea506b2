"""Running the application: the port, uvicorn, the wait for the model, and an end that lets streams finish."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import sys
from collections.abc import Callable

import uvicorn

from mactuner_core.errors import InputError
from serving.app import create_app
from serving.engine.engine import Engine
from serving.engine.pool import Pool
from serving.keys import load_keys
from serving.logs import Notice
from serving.models import resolve_all
from serving.settings import ServeSettings

_POLL_S = 0.2
_LAST_RESORT_S = 10  # after the answers were ended, uvicorn cuts what is still connected


def serve(
    settings: ServeSettings,
    *,
    on_ready: Callable[[str, list[str]], None],
    on_warning: Callable[[Notice], None],
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Serve until a signal comes or `should_stop` says so.

    `on_ready` gets the URL and the model names once the model is loaded; `on_warning` what they should know. Raises InputError
    or WorkError when the server cannot start. Returns after the streams are finished or `shutdown_s` is over.
    """
    keys, notices = load_keys(settings)
    models = resolve_all(settings)
    for notice in [*notices, *(Notice(one.warning, {"model": one.name}) for one in models if one.warning)]:
        on_warning(notice)
    pool = Pool(models, settings)
    engine = pool.first
    with _listen(settings.host, settings.port) as listener:
        config = uvicorn.Config(
            create_app(settings, pool, keys),
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=settings.shutdown_s + _LAST_RESORT_S,
            server_header=False,
            proxy_headers=False,
            ws="none",
        )
        server = uvicorn.Server(config)
        url = _url(settings.host, listener)
        try:
            with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after its clean end
                asyncio.run(_run(server, listener, engine, lambda: on_ready(url, pool.names()), should_stop))
        finally:
            for one in pool.engines():
                one.stop()  # again: a second Ctrl-C skips the application's own end
    if engine.problem:
        raise engine.problem


def set_up_logging() -> None:
    """Write the access log and the server's warnings to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    log = logging.getLogger("serving")
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


async def _run(
    server: uvicorn.Server,
    listener: socket.socket,
    engine: Engine,
    on_ready: Callable[[], None],
    should_stop: Callable[[], bool] | None,
) -> None:
    watcher = asyncio.create_task(_watch(server, engine, on_ready, should_stop))
    try:
        await server.serve(sockets=[listener])
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher


async def _watch(
    server: uvicorn.Server, engine: Engine, on_ready: Callable[[], None], should_stop: Callable[[], bool] | None
) -> None:
    """Report when the model is loaded, end the server when it cannot be, look for the wish to stop, and end answers
    that go on too long after it."""
    while not server.started:
        await asyncio.sleep(0.02)
    try:
        await engine.wait_ready()
    except Exception:  # kept in engine.problem, raised by `serve`
        server.should_exit = True
        return
    if engine.state == "ready":
        on_ready()
    while not server.should_exit:
        if should_stop is not None and should_stop():
            server.should_exit = True
        await asyncio.sleep(_POLL_S)
    await asyncio.sleep(engine.settings.shutdown_s)
    await asyncio.to_thread(engine.stop)


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
