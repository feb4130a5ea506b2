"""The servers of `benchmarks.serving`: how each is started, each as a process of its own on a free loopback port.

All get the same file, context in all, requests at once and threads, the same batch of 512 that the matrix products run in,
and keep keys and values in F16. Beyond that each is what its makers ship, but for two switches of llama_cpp.server that
would make it worse: by default it keeps the logits of whole prompts, and ends an answer when the next request comes.
llama-server gives each slot its own part of the context, which is its default when told the number of slots.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.serving_load import Answer, ask, load
from benchmarks.serving_peers import ROOT, build_llama_server, example_server, peers_python
from benchmarks.serving_work import MODEL_NAME, body

NAMES = ("mactuner", "llama-server", "xllamacpp", "llama_cpp.server", "example")
START_LIMIT_S = 180


@dataclass(frozen=True)
class Setup:
    """What every server is given: tokens of context in all, requests at once, threads."""

    n_ctx: int
    n_parallel: int
    n_threads: int


@dataclass
class Server:
    """A running server."""

    name: str
    process: psutil.Popen
    port: int
    start_s: float  # from the start of the process to the first answer

    def load(self, bodies: Sequence[dict[str, Any]], clients: int) -> list[Answer]:
        """Ask all of `bodies`, `clients` at a time, and return the answers in their order."""
        return load(self.port, [fitting(self.name, one) for one in bodies], clients)

    def processor_s(self) -> float:
        """Return the processor seconds used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def resident_bytes(self) -> int:
        """Return the memory it holds."""
        return int(self.process.memory_info().rss)


def fitting(name: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return `request` as `name` takes it: the example server knows no top_k, so a lower temperature keeps out the tail."""
    if name == "example" and request["temperature"]:
        return request | {"temperature": 0.3}
    return request


@contextlib.contextmanager
def running(
    name: str, model: Path, setup: Setup, llama_server: Path | None = None, extra: Sequence[str] = ()
) -> Iterator[Server]:
    """Start `name`, wait for its first answer, and end it after; raises RuntimeError with its last lines."""
    with tempfile.TemporaryDirectory(prefix="serving-benchmark-") as folder, Path(folder, "log").open("w+b") as log:
        port = _free_port()
        command = [*_command(name, model, port, setup, llama_server, Path(folder)), *extra]
        began = time.perf_counter()
        process = psutil.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        try:
            _first_answer(name, process, port, log)
            yield Server(name, process, port, time.perf_counter() - began)
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
                _wait(process)


def llama_server_binary(given: Path | None) -> tuple[str, Path | None]:
    """Return which server stands for llama-server, and its binary: the given one, else one compiled like our library."""
    binary = given or build_llama_server()
    return ("llama-server", binary) if binary else ("xllamacpp", None)


def _command(name: str, model: Path, port: int, setup: Setup, binary: Path | None, folder: Path) -> list[str]:
    n_ctx, n_parallel, threads = str(setup.n_ctx), str(setup.n_parallel), str(setup.n_threads)
    if name == "mactuner":
        flags = {"--model": model, "--name": MODEL_NAME, "--port": port}
        flags |= {"--n-ctx": str(setup.n_ctx // setup.n_parallel), "--n-parallel": n_parallel, "--n-threads": threads}
        return [sys.executable, "-m", "serving", *_words(flags)]
    if name == "llama-server":
        flags = {"-m": model, "--port": port, "-c": n_ctx, "--parallel": n_parallel, "-t": threads, "-tb": threads}
        return [str(binary), "--host", "127.0.0.1", *_words(flags), "--cont-batching"]
    python = str(peers_python())
    if name == "xllamacpp":
        script = Path(__file__).with_name("serving_xllamacpp.py")
        return [python, str(script), str(model), str(port), n_ctx, n_parallel, threads]
    if name == "llama_cpp.server":  # answers one request at a time, so it needs the context of one
        one = str(setup.n_ctx // setup.n_parallel)
        flags = {"--model": model, "--model_alias": MODEL_NAME, "--host": "127.0.0.1", "--port": port, "--n_ctx": one}
        flags |= {"--n_threads": threads, "--n_threads_batch": threads, "--flash_attn": "true"}
        flags |= {"--logits_all": "false", "--interrupt_requests": "false"}
        return [python, "-m", "llama_cpp.server", *_words(flags)]
    settings = {
        "path": str(model), "alias": MODEL_NAME, "n_ctx": setup.n_ctx, "n_seq_max": setup.n_parallel, "n_batch": 512,
        "n_ubatch": 512, "threads": setup.n_threads, "threads_batch": setup.n_threads, "store_logits": False,
    }  # fmt: skip
    config = folder / "config.json"
    config.write_text(json.dumps({"server": {"host": "127.0.0.1", "port": port}, "model": settings}))
    return [python, str(Path(__file__).with_name("serving_example.py")), str(example_server()), "-C", str(config)]


def _words(flags: dict[str, object]) -> list[str]:
    return [str(word) for flag in flags.items() for word in flag]


def _wait(process: psutil.Popen) -> None:
    try:
        process.wait(30)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()


def _first_answer(name: str, process: psutil.Popen, port: int, log: Any) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    problem: Exception | None = None
    while process.poll() is None and time.monotonic() < deadline:
        try:
            ask(port, fitting(name, body("hello", 1, 0)))
            return
        except (OSError, RuntimeError) as not_yet:
            problem = not_yet
            time.sleep(0.05)
    log.seek(0)
    raise RuntimeError(f"{name} did not start ({problem}):\n{log.read().decode(errors='replace')[-3000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
