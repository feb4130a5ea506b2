"""The rounds of `benchmarks.serving`: every cell asked of one server after the other, each started for it and alone.

Two servers that are alive at once lie differently in memory, and the one that was started first computed up to a fifth slower
than the other. So each is started anew for every cell, warmed up, asked and ended; who comes first changes from cell to cell
and from round to round. Nothing is averaged here: a `Cell` holds what one server did at one cell of one round.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving_model import model_file
from benchmarks.serving_servers import Server, Setup, running
from benchmarks.serving_work import requests

ONE_CELL = ("llama_cpp.server", "example")  # slow at many clients; measured where the aim is, unless asked for
THE_CELL = ("short", 8)
IDLE_S = 1.0
WARM_TOKENS = 8


@dataclass(frozen=True)
class Plan:
    """What is measured: servers, kinds of work, numbers of clients."""

    servers: Sequence[str]
    kinds: Sequence[str]
    clients: Sequence[int]
    setup: Setup
    llama_server: Path | None
    mactuner_flags: Sequence[str]
    everywhere: bool
    quick: bool

    def runs(self, server: str, kind: str, clients: int) -> bool:
        """Tell whether a server is asked in a cell."""
        return self.everywhere or server not in ONE_CELL or (kind, clients) == THE_CELL

    def start(self, server: str) -> AbstractContextManager[Server]:
        """Start one server with the random model."""
        flags = self.mactuner_flags if server == "mactuner" else ()
        return running(server, model_file("random"), self.setup, self.llama_server, flags)


@dataclass(frozen=True)
class Cell:
    """What one server did at a cell of a round; seconds."""

    server: str
    kind: str
    clients: int
    round: int
    tokens: int
    elapsed_s: float
    processor_s: float  # of the server, which says more than the clock where others compute too
    first_s: list[float]
    gaps_s: list[float]
    prefix_first_s: float  # to the first token of the request that sent the shared prefix first; 0 where none is shared
    start_s: float


@dataclass(frozen=True)
class Idle:
    """How much of a processor a server used while nobody asked it anything."""

    server: str
    share: float


def one_round(plan: Plan, number: int, found: list[Cell | Idle]) -> None:
    """Measure every cell once, and each server at rest, and put what is measured into `found` as soon as it is."""
    rested: set[str] = set()
    for position, (kind, clients) in enumerate((kind, one) for kind in plan.kinds for one in plan.clients):
        names = [name for name in plan.servers if plan.runs(name, kind, clients)]
        for name in names if (number + position) % 2 == 0 else names[::-1]:
            with plan.start(name) as server:
                if name not in rested:
                    rested.add(name)
                    found.append(_idle(server))
                _warm(server, plan.setup.n_parallel)
                found.append(_measure(server, kind, clients, number, plan.quick))


def _warm(server: Server, places: int) -> None:
    """Have every place of the server used once: first answers are slower, and an unused place shares no beginning with a new one."""
    bodies = requests("short", places, -1, quick=True)[1]
    server.load([one | {"max_tokens": WARM_TOKENS} for one in bodies], places)


def _idle(server: Server) -> Idle:
    before = server.processor_s()
    time.sleep(IDLE_S)
    return Idle(server.name, (server.processor_s() - before) / IDLE_S)


def _measure(server: Server, kind: str, clients: int, number: int, quick: bool) -> Cell:
    first, bodies = requests(kind, clients, number, quick)
    prefix_first_s = server.load([first], 1)[0].first_s if first else 0.0
    began, used = time.perf_counter(), server.processor_s()
    answers = server.load(bodies, clients)
    elapsed_s = time.perf_counter() - began
    tokens = sum(answer.tokens for answer in answers)
    said = f"round {number + 1}: {kind}, {clients} clients, {server.name}: {tokens / elapsed_s:.1f} tokens/s"
    print(said, file=sys.stderr, flush=True)
    return Cell(
        server.name, kind, clients, number,
        tokens=tokens,
        elapsed_s=elapsed_s,
        processor_s=server.processor_s() - used,
        first_s=[answer.first_s for answer in answers],
        gaps_s=[gap for answer in answers for gap in answer.gaps_s],
        prefix_first_s=prefix_first_s,
        start_s=server.start_s,
    )  # fmt: skip
