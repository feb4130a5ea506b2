"""Our server against llama.cpp's own and llama-cpp-python's two: one run, the same file, the same threads.

    python -m benchmarks.serving [--rounds 5] [--quick] [--scenarios short long …] [--clients 1 4 8 16] [--servers …] [--json]

Each server is a process of its own, started anew for every cell and alone then. Requests come from threads of this process.
Scenarios: `short` (25 words, 64 tokens back), `long` (1,200 words), `shared` (1,500 words that all requests of the cell begin
with), `speculation` (our own server, answers that quote) and `memory` (our own server, 2,000 requests). llama-server is the
binary of `--llama-server`, else one compiled from the source that our library was compiled from, else (no compiler) the one in
the package xllamacpp, which can also be measured beside it. With the defaults a server holds about 3.5 GB; `--slots` and
`--context` make it smaller. Wall clock means nothing while other programs compute; "cpu ms", the server's processor time for
each generated token, means a little (with OMP_WAIT_POLICY=PASSIVE, or waiting counts).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shlex
import signal
import statistics
import subprocess
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import load_average, processor
from benchmarks.serving_model import model_file
from benchmarks.serving_own import memory, speculation
from benchmarks.serving_report import aims, starts, summary, table
from benchmarks.serving_rounds import Cell, Idle, Plan, one_round
from benchmarks.serving_servers import NAMES, Setup, llama_server_binary
from benchmarks.serving_work import WORK
from mactuner_core import __version__
from mactuner_core.hardware import detect

OWN = ("speculation", "memory")


def main() -> None:
    """Read the flags, measure, print."""
    flags = _flags()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the servers, tells what is there
    peer, binary = llama_server_binary(flags.llama_server)
    servers = list(dict.fromkeys(peer if name == "llama-server" else name for name in flags.servers))
    plan = Plan(
        servers=servers,
        kinds=[kind for kind in WORK if kind in flags.scenarios],
        clients=flags.clients,
        setup=Setup(flags.slots * flags.context, flags.slots, flags.threads),
        llama_server=binary,
        mactuner_flags=shlex.split(flags.mactuner_flags),
        everywhere=flags.everywhere,
        quick=flags.quick,
    )
    model_file("random")
    facts = _facts(plan)
    rounds = 1 if flags.quick else flags.rounds
    found: list[Cell | Idle] = []
    own: dict[str, Any] = {}
    try:
        for number in range(rounds if plan.kinds else 0):
            one_round(plan, number, found)
        own = _own(flags, rounds, plan)
    except KeyboardInterrupt:
        facts["stopped"] = "before the end: the last round is not whole"
    cells = [one for one in found if isinstance(one, Cell)]
    idle = [one for one in found if isinstance(one, Idle)]
    rows = summary(cells, peer)
    result = {
        "facts": facts | {"rounds": rounds, "load_after": load_average()},
        "cells": rows,
        "start_s": starts(cells),
        "idle": {name: statistics.median(one.share for one in idle if one.server == name) for name in _named(idle)},
        "own": own,
        "aims": aims(rows, own, peer),
    }
    print(json.dumps(result) if flags.json else table(result))


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round with fewer requests")
    parser.add_argument("--scenarios", nargs="+", choices=[*WORK, *OWN], default=[*WORK, *OWN])
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 4, 8, 16])
    parser.add_argument("--servers", nargs="+", choices=NAMES, default=[name for name in NAMES if name != "xllamacpp"])
    parser.add_argument("--everywhere", action="store_true", help="llama-cpp-python's servers in every cell, not one")
    parser.add_argument("--threads", type=int, default=detect().cores)
    parser.add_argument("--slots", type=int, default=16, help="requests that a server answers at once")
    parser.add_argument("--context", type=int, default=2048, help="tokens of context for each of them")
    parser.add_argument("--llama-server", type=Path, help="the binary to measure instead of the one that is compiled")
    parser.add_argument("--mactuner-flags", default="", help="more flags for our server, in one argument")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser.parse_args()


def _own(flags: argparse.Namespace, rounds: int, plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "speculation" in flags.scenarios:
        clients = [one for one in (1, 4) if one in flags.clients] or [1]
        found["speculation"] = speculation(rounds, clients, flags.threads, plan.mactuner_flags, flags.quick)
    if "memory" in flags.scenarios:
        found["memory"] = memory(flags.threads, plan.mactuner_flags, flags.quick)
    return found


def _named(idle: list[Idle]) -> list[str]:
    return sorted({one.server for one in idle})


def _facts(plan: Plan) -> dict[str, Any]:
    """Return what the figures belong to: machine, settings, versions."""
    facts: dict[str, Any] = {
        "machine": f"{processor()}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "threads": plan.setup.n_threads,
        "requests at once": f"{plan.setup.n_parallel}, context {plan.setup.n_ctx} tokens in all",
        "model": f"{model_file('random').name}, {model_file('random').stat().st_size / 1e6:.0f} MB",
        "mactuner": __version__,
        "llama-cpp-python": importlib.metadata.version("llama-cpp-python"),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "not set"),
        "load before": load_average(),
    }
    if plan.llama_server:
        said = subprocess.run([plan.llama_server, "--version"], capture_output=True, text=True, check=False)
        facts["llama-server"] = " ".join((said.stdout + said.stderr).split())[:120]
    return facts


if __name__ == "__main__":
    main()
