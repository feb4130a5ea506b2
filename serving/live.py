"""How the server stands this second: the models, the requests, the speed; what a job writes into live.json.

No text of a person, no key: names, states and counts.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from serving.engine.engine import Engine
from serving.engine.pool import Pool
from serving.metrics import Metrics

EVERY_S = 1.0
_POINTS = 120  # of the history, one a second

OnLive = Callable[[dict[str, Any]], None]


class Live:
    """Takes a sample a second; `names` are the served models, loaded or not."""

    def __init__(self, pool: Pool, metrics: Metrics, names: Sequence[str]) -> None:
        self._pool = pool
        self._metrics = metrics
        self._names = names
        self._history: deque[tuple[float, float, int, int]] = deque(maxlen=_POINTS)
        self._at = time.monotonic()
        self._made = 0
        self._read = 0
        self._last: dict[str, Any] = {}

    def sample(self) -> dict[str, Any] | None:
        """Return how things stand, with the history; None when nothing has changed since the last time."""
        engines = self._pool.engines()
        running, waiting = self._pool.counts
        requests = [
            {"id": one.label, "model": engine.served.name, "state": one.state, "age_s": round(one.age_s, 1)}
            | {"prompt_tokens": one.prompt_tokens, "completion_tokens": one.completion_tokens}
            for engine in engines
            for one in engine.live()
        ]
        made_rate, read_rate = self._rates(requests)
        self._metrics.tokens_per_second = made_rate
        self._history.append((round(time.time(), 1), made_rate, running, waiting))
        now: dict[str, Any] = {
            "models": [_model(name, engines) for name in self._names],
            "running": running,
            "waiting": waiting,
            "requests": requests,
            "tokens_per_second": made_rate,
            "prompt_tokens_per_second": read_rate,
            "requests_total": self._metrics.requests_total,
            "errors_total": self._metrics.errors_total,
        }
        if now == self._last:
            return None
        self._last = now
        return {"updated_at": time.time(), **now, "history": list(self._history)}

    def _rates(self, requests: Sequence[dict[str, Any]]) -> tuple[float, float]:
        """Return tokens written and prompt tokens read a second since the last sample.

        A request's tokens count while it runs; when it ends they move to the metrics, a moment later: the sums never fall.
        """
        made = self._metrics.completion_tokens_total + sum(one["completion_tokens"] for one in requests)
        written = [one for one in requests if one["state"] == "writing"]
        read = self._metrics.prompt_tokens_total + sum(one["prompt_tokens"] for one in written)
        made, read = max(made, self._made), max(read, self._read)
        now = time.monotonic()
        seconds = max(now - self._at, 1e-3)
        rates = (made - self._made) / seconds, (read - self._read) / seconds
        self._at, self._made, self._read = now, made, read
        return round(rates[0], 1), round(rates[1], 1)


def _model(name: str, engines: Sequence[Engine]) -> dict[str, Any]:
    engine = next((one for one in engines if one.served.name == name), None)
    return {"name": name, "state": engine.state if engine else "unloaded", "bytes": engine.bytes if engine else 0}
