"""How fast documents become searchable and are searched, against plain libraries in the same run.

    python -m benchmarks.rag [--scenarios extraction embedding …] [--quick] [--threads 1] [--json]

`extraction` (reading a PDF), `embedding` (texts to vectors), `search` (100,000 chunks: time and exactness), `million` (memory
of a large build), `changes` (one changed file of a folder), `serving` (questions embedded while the server writes). No network is
needed; pypdf, of benchmarks/requirements-rag.txt, is left out where it is not installed. Wall clock means nothing while
other programs compute.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import signal
import sys
from collections.abc import Callable
from typing import Any

import psutil

from benchmarks.machine import load_average, processor
from benchmarks.rag_changes import changes
from benchmarks.rag_embedding import embedding
from benchmarks.rag_extraction import extraction
from benchmarks.rag_million import million
from benchmarks.rag_report import aims, table
from benchmarks.rag_search import search
from benchmarks.rag_serving import serving
from mactuner_core import __version__

SCENARIOS: dict[str, Callable[[bool, int], dict[str, Any]]] = {
    "extraction": extraction,
    "embedding": embedding,
    "search": search,
    "million": million,
    "changes": changes,
    "serving": serving,
}
_LIBRARIES = ("pymupdf", "sentence-transformers", "faiss-cpu", "bm25s", "kiwipiepy", "llama-cpp-python")


def main() -> None:
    """Read the flags, measure, print."""
    flags = _flags()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that a server is ended too
    facts = {
        "machine": f"{processor()}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "threads": flags.threads,
        "mactuner": __version__,
        **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        "quick": flags.quick,
        "load before": load_average(),
    }
    found = {}
    for name in flags.scenarios:
        print(f"{name} …", file=sys.stderr, flush=True)
        found[name] = SCENARIOS[name](flags.quick, flags.threads)
    result = {"facts": facts | {"load after": load_average()}, **found, "aims": aims(found)}
    print(json.dumps(result, ensure_ascii=False) if flags.json else table(result))


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="smaller work and fewer rounds")
    parser.add_argument("--threads", type=int, default=1, help="of embedding and building; 1 is the setting's default")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser.parse_args()


if __name__ == "__main__":
    main()
