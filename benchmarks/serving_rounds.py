"""The rounds of `benchmarks.serving`: every cell asked of one server after the other, and once more in the other order.

Servers that are measured everywhere are started once in a round, warmed up, and wait, idle, while another is asked: which
one starts first changes from round to round, and so does, every second round, which one is asked first. The others are
started for their one cell. Nothing is averaged here: a `Cell` holds what one server did in one turn of one cell.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving_model import model_file
from benchmarks.serving_servers import Server, Setup, running
from benchmarks.serving_work import requests

ONE_CELL = ("llama_cpp.server", "example")  # slow at many clients; measured where the aim is, unless asked for
THE_CELL = ("short", 8)
IDLE_S = 1.0
WARM_CLIENTS = 4


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

    def start(self, server: str) -> contextlib.AbstractContextManager[Server]:
        """Start one server with the random model."""
        flags = self.mactuner_flags if server == "mactuner" else ()
        return running(server, model_file("random"), self.setup, self.llama_server, flags)


@dataclass(frozen=True)
class Cell:
    """What one server did in one of a round's two turns at a cell; seconds."""

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


def one_round(plan: Plan, number: int) -> tuple[list[Cell], list[Idle]]:
    """Measure every cell once."""
    cells: list[Cell] = []
    with contextlib.ExitStack() as stack:
        lasting = [name for name in plan.servers if _lives(plan, name)]
        order = lasting if number % 2 == 0 else lasting[::-1]  # who starts later may lie better in memory
        alive = {name: stack.enter_context(plan.start(name)) for name in order}
        idle = _idle(alive)
        for server in alive.values():  # whoever computes first after a rest is slower
            server.load(requests("short", WARM_CLIENTS, -1, plan.quick)[1], WARM_CLIENTS)
        for position, (kind, clients) in enumerate((kind, one) for kind in plan.kinds for one in plan.clients):
            names = [name for name in plan.servers if plan.runs(name, kind, clients)]
            first = names if (number // 2 + position) % 2 == 0 else names[::-1]
            for turn, order in enumerate([first] if plan.quick else [first, first[::-1]]):
                for name in order:
                    with contextlib.ExitStack() as short:
                        server = alive.get(name) or short.enter_context(plan.start(name))
                        cells.append(_measure(server, kind, clients, number, turn, plan.quick))
    return cells, idle


def _lives(plan: Plan, name: str) -> bool:
    return plan.everywhere or name not in ONE_CELL


def _idle(alive: dict[str, Server]) -> list[Idle]:
    before = {name: server.processor_s() for name, server in alive.items()}
    time.sleep(IDLE_S)
    return [Idle(name, (server.processor_s() - before[name]) / IDLE_S) for name, server in alive.items()]


def _measure(server: Server, kind: str, clients: int, number: int, turn: int, quick: bool) -> Cell:
    first, bodies = requests(kind, clients, 2 * number + turn, quick)
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
