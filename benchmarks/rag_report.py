"""From the figures of `benchmarks.rag` to aims and a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mactuner_core.format import human_bytes

EMBEDDING_AT_LEAST, RECALL_AT_LEAST = 0.95, 0.98
SEARCH_MS_AT_MOST, MEMORY_AT_MOST, SHARE_AT_MOST, COST_AT_MOST = 20.0, 1.0, 0.02, 0.10


def aims(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every aim that was measured: what, the value, the limit, whether it was met."""
    return [
        {
            "aim": name,
            "value": round(value, 4),
            "limit": f"{sign} {limit}",
            "passed": value >= limit if sign == ">=" else value <= limit,
        }
        for name, value, sign, limit in _measured(found)
    ]


def _measured(found: dict[str, Any]) -> Iterator[tuple[str, float, str, float]]:
    for model, figures in found.get("embedding", {}).items():
        yield f"embedding: {model}: texts/s against plain encode", figures["ratio"], ">=", EMBEDDING_AT_LEAST
    if one := found.get("search"):
        chunks = f"search, {one['chunks']:,} chunks"
        yield f"{chunks}: hybrid p95, ms", one["hybrid_p95_ms"], "<=", SEARCH_MS_AT_MOST
        yield f"{chunks}: recall@10 of the index against exact", one["recall_at_10"], ">=", RECALL_AT_LEAST
    if one := found.get("million"):
        share = one["peak_bytes"] / one["vectors_own_bytes"]
        yield f"build of {one['chunks']:,}: peak memory / the vectors' own bytes", share, "<=", MEMORY_AT_MOST
    if one := found.get("changes"):
        yield f"one of {one['files']} files changed: time / the full build's", one["share"], "<=", SHARE_AT_MOST
    if one := found.get("serving"):
        yield "server: tokens/s lost to embedding a question a second", one["cost"], "<=", COST_AT_MOST


def table(result: dict[str, Any]) -> str:
    """Return the whole result as text."""
    lines = [f"{name:22} {value}" for name, value in result["facts"].items()]
    for scenario, figures in result.items():
        if scenario not in ("facts", "aims"):
            lines += ["", scenario, *(f"  {name:32} {_said(name, value)}" for name, value in figures.items())]
    lines.append("")
    for aim in result["aims"]:
        lines.append(f"{'PASS' if aim['passed'] else 'MISS'}  {aim['aim']}: {aim['value']:g} ({aim['limit']})")
    return "\n".join(lines)


def _said(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {figure}" for key, figure in value.items())
    return human_bytes(value) if "_bytes" in name else str(value)
