"""A server in this process, to look inside: who holds a lease, and where every id of the engine's memory is."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from serving import server as server_module
from serving.engine.pool import Pool
from tests.serving.conftest import PAIRS, Running, ask, running
from tests.serving.fuzz.conftest import wait_for


@dataclass(frozen=True)
class Inside:
    """The server and its pool."""

    server: Running
    pool: Pool

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server.url.rpartition(":")[2])

    def connect(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def post(self, path: str, model: str | None = None, **fields: Any) -> socket.socket:
        """Send a request and return its connection, unread."""
        connection = self.connect()
        connection.sendall(self.request(path, model, **fields))
        return connection

    def request(self, path: str, model: str | None = None, **fields: Any) -> bytes:
        """Return a request's bytes."""
        body = json.dumps({"model": model or self.server.name, **fields}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def busy(self) -> tuple[int, int]:
        """Return how many requests run and how many wait, as /health tells."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", "/health")
            told = json.loads(connection.getresponse().read())
        return told["running"], told["waiting"]

    def check(self) -> None:
        """Fail unless nobody is inside any more, the known answer is right, and every id of the memory is kept or free."""
        wait_for(lambda: self.busy() == (0, 0))
        wait_for(lambda: not any(place.leases for place in self.pool._places.values()))
        asked = self.server.client.chat.completions.create(
            model=self.server.name, messages=ask("Say hello"), temperature=0
        )
        assert asked.choices[0].message.content == PAIRS["Say hello"]
        for engine in self.pool.engines():
            if engine.state == "ready":
                wait_for(lambda engine=engine: _ids(engine)[0] == _ids(engine)[1])  # type: ignore[misc]


def _ids(engine: Any) -> tuple[list[int], list[int]]:
    """Return the ids that are kept or free, and those that there are."""
    scheduler = engine._scheduler
    kept = [entry.id for entry in scheduler.cache.entries()]
    return sorted([*kept, *scheduler._places._free]), list(range(scheduler._context.ids))


@contextlib.contextmanager
def inside(*, stays: bool = True, **values: Any) -> Iterator[Inside]:
    """Run a server until the end of the block; when it `stays` well, it must be as it was there."""
    pools: list[Pool] = []

    class Seen(Pool):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            pools.append(self)

    with mock.patch.object(server_module, "Pool", Seen), running({"port": 0, "n_threads": 1, **values}) as server:
        made = Inside(server, pools[0])
        yield made
        if stays:
            made.check()
