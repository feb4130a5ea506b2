"""llama-server as the package xllamacpp carries it, as a process of its own. Runs in the peers' environment.

python benchmarks/serving_xllamacpp.py MODEL PORT N_CTX N_PARALLEL N_THREADS
"""

from __future__ import annotations

import signal
import sys

import xllamacpp  # type: ignore[import-not-found]  # in the peers' environment only


def main() -> None:
    """Serve until a signal ends the process."""
    model, port, n_ctx, n_parallel, n_threads = sys.argv[1], *map(int, sys.argv[2:])
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = n_ctx
    params.n_parallel = n_parallel
    params.cpuparams.n_threads = n_threads
    params.cpuparams_batch.n_threads = n_threads
    server = xllamacpp.Server(params)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    del server


if __name__ == "__main__":
    main()
