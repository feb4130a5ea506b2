"""The server in a process of its own, as people run it, and what must hold of it after every attack.

Memory: a process keeps what its allocator and its caches have taken once, so the first round of attacks is a warm-up and
only what comes on top in later rounds is a leak (`test_memory.py`).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.serving.conftest import PAIRS, Taught, ask
from tests.serving.fuzz.bodies import CHAT, EMBEDDER

BAD_WORDS = ("Traceback", "never retrieved", "never awaited", "Fatal error", "unexpectedly", " failed: ")
FLAGS = [
    "--port",
    "0",
    "--n-threads",
    "1",
    "--n-ctx",
    "2048",
    "--max-body-mb",
    "16",
    "--shutdown-s",
    "5",
    "--max-tokens",
    "256",
]


@dataclass(frozen=True)
class Answer:
    """What came back: `body` is the decoded JSON, or the text."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Attacked:
    """A server that runs as a process: where it listens, what it wrote, and how much it held before the attacks."""

    port: int
    name: str
    process: psutil.Process
    log: Path
    threads: int = 0
    files: int = 0
    read: int = 0  # characters of the log that were looked at

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request in one piece and return its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(connection):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # answered before all was sent
                connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        known = {name.lower(): value for name, value in response.getheaders()}
        is_json = known.get("content-type", "").startswith("application/json")
        return Answer(response.status, known, json.loads(text) if is_json else text)

    def connect(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def is_idle(self) -> bool:
        """Tell whether nothing runs and nothing waits."""
        answer = self.send("GET", "/health")
        assert (answer.status, answer.body["status"]) == (200, "ok"), answer
        return bool(answer.body["running"] == answer.body["waiting"] == 0)

    def check(self) -> None:
        """Fail unless the server is as it was before: well, idle, sound of mind, and holding no more than it did."""
        assert self.process.is_running(), self.log.read_text(encoding="utf-8")[-3000:]
        wait_for(self.is_idle)
        question = {"model": self.name, "messages": ask("Say hello"), "temperature": 0}
        answer = self.send("POST", CHAT, json.dumps(question).encode())
        assert answer.body["choices"][0]["message"]["content"] == PAIRS["Say hello"]
        wait_for(lambda: not self.process.children())
        wait_for(lambda: self.process.num_threads() <= self.threads)
        wait_for(lambda: self.process.num_fds() <= self.files)
        self.check_log()

    def check_log(self) -> None:
        """Fail when the server has written of something that nobody foresaw."""
        written = self.log.read_text(encoding="utf-8")
        new, self.read = written[self.read :], len(written)
        assert not any(word in new for word in BAD_WORDS), new[-5000:]

    def warm_up(self) -> None:
        """Make it load and start what it does only once, then note what it holds."""
        text = json.dumps({"content": "x"}).encode()
        with ThreadPoolExecutor(40) as many:  # its pool of threads grows with the requests at once
            list(many.map(lambda _: self.send("POST", "/tokenize", text), range(400)))
        assert (
            self.send("POST", "/v1/embeddings", json.dumps({"model": EMBEDDER, "input": ["x"] * 40}).encode()).status
            == 200
        )
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "integer"}}}
        body = {"model": self.name, "messages": ask("x"), "response_format": form, "max_tokens": 3}
        assert self.send("POST", CHAT, json.dumps(body).encode()).status == 200
        self.threads, self.files = self.process.num_threads(), self.process.num_fds() + 1


@contextlib.contextmanager
def attacked(models: list[Path], folder: Path, *flags: str) -> Iterator[Attacked]:
    """Run `python -m serving` until the end of the block; it must end well."""
    log = folder / "server.log"
    named = [part for model in models for part in ("--model", str(model))]
    with log.open("w", encoding="utf-8") as sink:
        started = subprocess.Popen(
            [sys.executable, "-m", "serving", *named, *FLAGS, *flags], stderr=sink, env={**os.environ, "LANG": "C"}
        )
    try:
        wait_for(lambda: started.poll() is not None or "/v1" in log.read_text(encoding="utf-8"))
        found = re.search(r"http://127\.0\.0\.1:(\d+)/v1", log.read_text(encoding="utf-8"))
        assert found, log.read_text(encoding="utf-8")
        server = Attacked(int(found[1]), models[0].stem, psutil.Process(started.pid), log)
        yield server
        server.check_log()
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0, log.read_text(encoding="utf-8")[-3000:]
        server.check_log()
    finally:
        started.kill()
        started.wait()


@pytest.fixture(scope="session")
def target(taught: Taught, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """The server that all attacks share."""
    with attacked([taught.gguf], tmp_path_factory.mktemp("target"), "--body-timeout-s", "20") as server:
        server.warm_up()
        yield server


@pytest.fixture(scope="module", autouse=True)
def _as_before(target: Attacked) -> Iterator[None]:
    """After every group of attacks the server is as it was."""
    yield
    target.check()


def wait_for(wanted: Callable[[], bool]) -> None:
    """Wait until it is so."""
    limit = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < limit, "it never came to be so"
        time.sleep(0.02)
