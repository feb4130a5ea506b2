"""From the rounds of `benchmarks.serving` to figures, aims and a table.

Tokens a second: the median of the rounds; ratios are the median of each round's own ratio, so a slow minute of the machine
hits both sides. Latencies: percentiles over the requests of all rounds together.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.serving_rounds import THE_CELL, Cell

AT_LEAST, LATENCY_AT_MOST = 0.97, 1.03  # against llama-server; 3 % is what two runs of the same server differ by
AGAINST_PYTHON, PREFIX_AT_MOST, SPECULATION, GROWTH_AT_MOST = 1.8, 0.15, 1.3, 0.02
Figures = dict[str, Any]
_LATENCIES = {"first_p50_ms": "first token p50", "first_p95_ms": "first token p95", "gap_p95_ms": "between tokens p95"}


def summary(cells: Sequence[Cell], peer: str) -> list[Figures]:
    """Return the figures of every server in every cell, with ratios to `peer` where it was measured."""
    found: list[Figures] = []
    for kind, clients in dict.fromkeys((cell.kind, cell.clients) for cell in cells):
        here = [cell for cell in cells if (cell.kind, cell.clients) == (kind, clients)]
        rows = {name: _figures([cell for cell in here if cell.server == name]) for name in _servers(here)}
        for name, figures in rows.items():
            ratio = _ratio(here, name, peer) if name != peer else None
            if ratio is not None:
                figures["ratio"] = ratio
                figures["ratios"] = {key: round(figures[key] / rows[peer][key], 3) for key in _LATENCIES}
            found.append({"kind": kind, "clients": clients, "server": name, **figures})
    return found


def _servers(cells: Iterable[Cell]) -> list[str]:
    return list(dict.fromkeys(sorted(cell.server for cell in cells)))


def _figures(runs: Sequence[Cell]) -> Figures:
    first = [1000 * value for run in runs for value in run.first_s]
    gaps = [1000 * value for run in runs for value in run.gaps_s]
    figures: Figures = {
        "tokens_per_second": round(statistics.median(run.tokens / run.elapsed_s for run in runs), 2),
        "processor_ms_per_token": round(1000 * sum(r.processor_s for r in runs) / sum(r.tokens for r in runs), 2),
        "first_p50_ms": round(float(np.percentile(first, 50)), 1),
        "first_p95_ms": round(float(np.percentile(first, 95)), 1),
        "gap_p95_ms": round(float(np.percentile(gaps, 95)), 1),
        "tokens": sum(run.tokens for run in runs),
    }
    if runs[0].prefix_first_s:
        shares = [statistics.median(run.first_s) / run.prefix_first_s for run in runs]
        figures["prefix_share"] = round(statistics.median(shares), 3)
    return figures


def _ratio(cells: Sequence[Cell], name: str, peer: str) -> float | None:
    speeds = {(cell.server, cell.round): cell.tokens / cell.elapsed_s for cell in cells}
    both = [one for one in {cell.round for cell in cells} if (name, one) in speeds and (peer, one) in speeds]
    return round(statistics.median(speeds[name, one] / speeds[peer, one] for one in both), 3) if both else None


def starts(cells: Sequence[Cell]) -> dict[str, float]:
    """Return the median seconds from the start of each server's process to its first answer."""
    return {
        name: round(statistics.median(cell.start_s for cell in cells if cell.server == name), 2)
        for name in _servers(cells)
    }


def aims(rows: Sequence[Figures], own: Figures, peer: str) -> list[Figures]:
    """Return every aim that was measured: what, the value, the limit, whether it was met."""
    found: list[Figures] = []

    def add(name: str, value: float, sign: str, limit: float) -> None:
        passed = value >= limit if sign == ">=" else value <= limit
        found.append({"aim": name, "value": round(value, 3), "limit": f"{sign} {limit}", "passed": passed})

    by_cell = {(row["server"], row["kind"], row["clients"]): row for row in rows}
    for (server, kind, clients), row in by_cell.items():
        where = f"{kind}, {clients} clients"
        if server == "mactuner" and "ratio" in row:
            add(f"{where}: tokens/s against {peer}", row["ratio"], ">=", AT_LEAST)
            for key, name in _LATENCIES.items():
                add(f"{where}: {name} against {peer}", row["ratios"][key], "<=", LATENCY_AT_MOST)
        if server == "mactuner" and kind == "shared" and clients == 1:
            add(
                "shared prefix: first token of later requests / of the first", row["prefix_share"], "<=", PREFIX_AT_MOST
            )
    ours, python = by_cell.get(("mactuner", *THE_CELL)), by_cell.get(("llama_cpp.server", *THE_CELL))
    if ours and python:
        times = ours["tokens_per_second"] / python["tokens_per_second"]
        add("short, 8 clients: tokens/s against llama_cpp.server", times, ">=", AGAINST_PYTHON)
    if guess := own.get("speculation"):
        one = min(guess["ratio"])
        add(f"quotes, {one} clients: tokens/s with speculation / without", guess["ratio"][one], ">=", SPECULATION)
        add("quotes: answers that are the same with and without", float(guess["same_text"]), ">=", 1)
    if grown := own.get("memory"):
        add(f"memory: growth over {grown['more_requests']} requests", grown["growth"], "<=", GROWTH_AT_MOST)
    return found


def table(result: Figures) -> str:
    """Return the whole result as text."""
    lines = [f"{name:18} {value}" for name, value in result["facts"].items()]
    head = f"\n{'work':8}{'clients':>8}  {'server':18}{'tokens/s':>10}{'ratio':>8}{'first p50':>11}{'p95 ms':>9}{'gap p95':>9}"
    head += f"{'cpu ms':>9}"
    lines += [head + f"{'prefix':>8}"] if result["cells"] else []
    for row in result["cells"]:
        share = f"{row['prefix_share']:8.1%}" if "prefix_share" in row else ""
        ratio = f"{row['ratio']:8.3f}" if "ratio" in row else " " * 8
        times = f"{row['first_p50_ms']:11.0f}{row['first_p95_ms']:9.0f}{row['gap_p95_ms']:9.1f}{row['processor_ms_per_token']:9.2f}"
        speed = f"{row['tokens_per_second']:10.1f}"
        lines.append(f"{row['kind']:8}{row['clients']:8}  {row['server']:18}{speed}{ratio}{times}{share}")
    for name, seconds in result["start_s"].items():
        lines.append(
            f"start to first answer  {name:18} {seconds:6.2f} s   idle {result['idle'].get(name, 0):.1%} of a core"
        )
    lines += [f"{part}: {figures}" for part, figures in result["own"].items()]
    lines.append("")
    for aim in result["aims"]:
        lines.append(f"{'PASS' if aim['passed'] else 'MISS'}  {aim['aim']}: {aim['value']:.3f} ({aim['limit']})")
    return "\n".join(lines)
