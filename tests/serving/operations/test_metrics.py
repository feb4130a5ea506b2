"""GET /metrics: Prometheus' text, true to what happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.engine.generation import Finished
from serving.engine.pool import Pool
from serving.metrics import Metrics
from serving.models import ServedModel
from serving.settings import ServeSettings
from tests.serving.conftest import Running, ask
from tests.serving.test_errors import raw

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> Values:
    """Return every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(values: Values, name: str, **labels: str) -> float:
    """Return the sample of this name and exactly these labels."""
    return values["mactuner_" + name, frozenset(labels.items())]


def scrape(server: Running, key: str = "-") -> Values:
    """Read the metrics as Prometheus does."""
    request = Request(server.url + "/metrics", headers={"Authorization": f"Bearer {key}"})
    with urlopen(request, timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return parse(answer.read().decode("utf-8"))


def test_what_was_answered_is_counted(start: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text("ann first-key\nbob second-key\n")
    server = start(api_key="first-key", api_key_file=str(tmp_path / "keys.txt"))
    usages = []
    for _ in range(2):
        answer = server.client.chat.completions.create(
            model=server.name, messages=ask("Say hello"), temperature=0, max_tokens=4
        )
        assert answer.usage is not None
        usages.append(answer.usage)
    raw(server, "GET", "/made/up/path", headers={"Authorization": "Bearer first-key"})
    raw(server, "POST", "/v1/chat/completions", b"{}")
    values = scrape(server, "second-key")
    of_ann = {"model": server.name, "key": "ann"}
    assert value(values, "prompt_tokens_total", **of_ann) == sum(usage.prompt_tokens for usage in usages)
    assert value(values, "completion_tokens_total", **of_ann) == sum(usage.completion_tokens for usage in usages)
    chat = {"endpoint": "/v1/chat/completions", "method": "POST"}
    assert value(values, "requests_total", **chat, status="200") == 2
    assert value(values, "requests_total", **chat, status="401") == 1
    assert value(values, "requests_total", endpoint="other", method="GET", status="404") == 1
    for name in ("first_token_seconds", "inter_token_seconds", "answer_seconds", "queue_seconds"):
        assert value(values, f"{name}_count", model=server.name) == 2
    assert value(values, "models_loaded") == 1
    assert value(values, "model_bytes", model=server.name) > 0
    assert value(values, "engine_turns", model=server.name) > 0
    assert value(values, "requests_running", model=server.name) == 0
    assert not any("/made/up/path" in dict(labels).values() for _, labels in values)


def test_metrics_need_a_key_when_there_are_keys(start: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text("first-key\n")
    server = start(api_key_file=str(tmp_path / "keys.txt"))
    assert raw(server, "GET", "/metrics")[0] == 401
    assert scrape(server, "first-key")


def test_every_part_of_an_end_goes_where_it_belongs(tmp_path: Path) -> None:
    pool = Pool([ServedModel(tmp_path / "x.gguf", "m")], ServeSettings.check({"model": "x"}))
    metrics = Metrics(pool)
    metrics.finished("m", "ann", Finished("stop", 100, 11, 64, 20, 15, queue_s=0.5, first_token_s=1, total_s=3))
    metrics.finished("m", "ann", Finished("length", 10, 0, 0, total_s=0.25))
    metrics.request("/v1/completions", "POST", 503)
    metrics.request("/v1/completions", "POST", 499)
    metrics.request("/health", "GET", 503)
    values = parse(metrics.text().decode())
    of_model = {"model": "m"}
    assert value(values, "cached_tokens_total", model="m", key="ann") == 64
    assert value(values, "cache_hits_total", **of_model) == 1
    assert value(values, "drafted_tokens_total", **of_model) == 20
    assert value(values, "accepted_tokens_total", **of_model) == 15
    assert value(values, "inter_token_seconds_sum", **of_model) == pytest.approx(0.2)
    assert value(values, "first_token_seconds_count", **of_model) == 1
    assert value(values, "answer_seconds_sum", **of_model) == 3.25
    assert value(values, "answers_total", model="m", reason="stop") == 1
    assert (metrics.requests_total, metrics.errors_total) == (2, 1)
    assert (metrics.prompt_tokens_total, metrics.completion_tokens_total) == (110, 11)
    assert b"ann" not in Metrics(pool).text()  # a registry of its own
