"""How much memory a build of a million chunks takes: in a process of its own, whose highest resident memory is told.

    python -m benchmarks.rag_million 1000000 2

Resident memory counts pages of memory-mapped files too, which the system takes back when it needs them. "own bytes" are
those of the vectors as they are kept, two for each number.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rag_made import Texts, WordVectors
from benchmarks.rag_search import OF_A_DOCUMENT, filled
from mactuner_core.rag.config import SearchConfig

SIZE = 384  # of the usual small models
_WORDS = 15


def million(quick: bool, threads: int) -> dict[str, Any]:
    """Return seconds, peak memory of a build of a tenth and of the whole, and the vectors' own bytes."""
    chunks = 100_000 if quick else 1_000_000
    small, whole = (_measured(count, threads) for count in (chunks // 10, chunks))
    return {
        "chunks": whole["chunks"],
        "segments": whole["segments"],
        "seconds": whole["seconds"],
        "disk_bytes": whole["disk_bytes"],
        "vectors_own_bytes": whole["chunks"] * SIZE * 2,
        "peak_bytes": whole["peak_bytes"],
        "peak_bytes_of_a_tenth": small["peak_bytes"],
        "start_bytes": whole["start_bytes"],
    }


def _measured(chunks: int, threads: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.rag_million", str(chunks), str(threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parents[1])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kilobytes


def _build(chunks: int, threads: int) -> dict[str, Any]:
    texts = Texts(own=_WORDS)
    embedder = WordVectors(texts.words, SIZE)
    start = _peak_bytes()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with filled(Path(folder), texts, embedder, chunks, threads) as collection:
            seconds, peak = time.perf_counter() - began, _peak_bytes()
            text = texts.some(0, OF_A_DOCUMENT)[0]
            if not collection.search(text, SearchConfig(method="lexical")):
                raise SystemExit("a text that was put in is not found")
            facts = collection.facts()
    return {
        "chunks": facts["chunks"],
        "segments": facts["segments"],
        "seconds": round(seconds, 1),
        "disk_bytes": facts["bytes"],
        "peak_bytes": peak,
        "start_bytes": start,
    }


if __name__ == "__main__":
    print(json.dumps(_build(int(sys.argv[1]), int(sys.argv[2]))))
