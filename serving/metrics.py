"""What the server counts, for GET /metrics (Prometheus) and for live.json. A registry of its own for every app."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from serving.engine.generation import Finished
from serving.engine.pool import Pool

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
CLIENT_LEFT = 499  # no status of HTTP: what log and metrics say when the client went away before the answer
router = APIRouter()


class Metrics:
    """The counters. `request` and `finished` are called in the event loop, for each response and each answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.requests_total = 0  # POST, that is: asked for an answer
        self.errors_total = 0  # of those, answered with an error; a client that left is none
        self.prompt_tokens_total = 0
        self.completion_tokens_total = 0
        self.tokens_per_second = 0.0  # set once a second by live.py
        self._registry = CollectorRegistry()
        of_model = ["model"]
        self._requests = self._counter("requests", "Responses", ["endpoint", "method", "status"])
        self._answers = self._counter("answers", "Answers the engine ended", ["model", "reason"])
        self._prompt = self._counter("prompt_tokens", "Tokens of prompts", ["model", "key"])
        self._cached = self._counter("cached_tokens", "Tokens of prompts found in the prefix cache", ["model", "key"])
        self._completion = self._counter("completion_tokens", "Tokens of answers", ["model", "key"])
        self._hits = self._counter("cache_hits", "Prompts of which a part was in the prefix cache", of_model)
        self._drafted = self._counter("drafted_tokens", "Tokens proposed by speculation", of_model)
        self._accepted = self._counter("accepted_tokens", "Tokens proposed by speculation that were right", of_model)
        self._queue = self._histogram("queue_seconds", "From a request's arrival to its place in the batch", _SECONDS)
        self._first = self._histogram("first_token_seconds", "From a request's arrival to its first token", _SECONDS)
        self._inter = self._histogram(
            "inter_token_seconds", "Between two tokens of an answer, its mean", _TOKEN_SECONDS
        )
        self._total = self._histogram("answer_seconds", "From a request's arrival to the end of its answer", _SECONDS)
        self._registry.register(_OfNow(self, pool))

    def request(self, endpoint: str, method: str, status: int) -> None:
        """Count a response; `endpoint` is a path as the app declares it."""
        self._requests.labels(endpoint, method, str(status)).inc()
        if method == "POST":
            self.requests_total += 1
            self.errors_total += status >= 400 and status != CLIENT_LEFT

    def finished(self, model: str, key: str, finished: Finished) -> None:
        """Count the end of an answer of `model` (a served name) for the key of this name."""
        prompt, made = finished.prompt_tokens, finished.completion_tokens
        self.prompt_tokens_total += prompt
        self.completion_tokens_total += made
        self._answers.labels(model, finished.reason).inc()
        self._prompt.labels(model, key).inc(prompt)
        self._cached.labels(model, key).inc(finished.cached_tokens)
        self._completion.labels(model, key).inc(made)
        self._hits.labels(model).inc(finished.cached_tokens > 0)
        self._drafted.labels(model).inc(finished.drafted_tokens)
        self._accepted.labels(model).inc(finished.accepted_tokens)
        self._queue.labels(model).observe(finished.queue_s)
        self._total.labels(model).observe(finished.total_s)
        if made:
            self._first.labels(model).observe(finished.first_token_s)
        if made > 1:
            self._inter.labels(model).observe((finished.total_s - finished.first_token_s) / (made - 1))

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, help: str, labels: list[str]) -> Counter:
        return Counter(f"mactuner_{name}", help, labels, registry=self._registry)

    def _histogram(self, name: str, help: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"mactuner_{name}", help, ["model"], buckets=buckets, registry=self._registry)


class _OfNow(Collector):
    """What is read off the engines at the moment of the question."""

    def __init__(self, metrics: Metrics, pool: Pool) -> None:
        self._metrics = metrics
        self._pool = pool

    def collect(self) -> Iterable[Metric]:
        """Yield a family for each value that all engines have."""
        engines = {engine.served.name: engine for engine in self._pool.engines()}
        values = {
            ("requests_running", "Requests being answered"): {name: one.counts[0] for name, one in engines.items()},
            ("requests_waiting", "Requests in the queue"): {name: one.counts[1] for name, one in engines.items()},
            ("model_bytes", "Memory of a loaded model"): {name: one.bytes for name, one in engines.items()},
            ("engine_turns", "Turns since the model was loaded"): {name: one.turns for name, one in engines.items()},
        }
        for (name, help), of_models in values.items():
            family = GaugeMetricFamily(f"mactuner_{name}", help, labels=["model"])
            for model, value in of_models.items():
                family.add_metric([model], value)
            yield family
        yield GaugeMetricFamily("mactuner_models_loaded", "Models in memory", value=len(engines))
        rate = self._metrics.tokens_per_second
        yield GaugeMetricFamily("mactuner_tokens_per_second", "Tokens of answers in the last second", value=rate)


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return the server's counters in Prometheus' text format."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
