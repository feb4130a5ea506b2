"""Many clients at once: each gets its own right answer, nobody starves, and a client that leaves frees its place."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import openai
import pytest

from mactuner_core.errors import WorkError
from serving.engine.context import Context
from serving.engine.filling import PROMPT_CHUNK_WHILE_WRITING
from serving.engine.generation import Delta, Finished, FinishReason, Generation, Sampling
from serving.engine.llama import Model
from serving.engine.scheduler import Posted, Scheduler
from serving.engine.sequence import Sequence
from tests.serving.conftest import PAIRS, Running, Taught, ask

GREEDY = Sampling(temperature=0)


def ask_one(server: Running, question: str, stream: bool) -> str:
    """Return one greedy answer."""
    if not stream:
        whole = server.client.chat.completions.create(model=server.name, messages=ask(question), temperature=0)
        return whole.choices[0].message.content or ""
    chunks = server.client.chat.completions.create(
        model=server.name, messages=ask(question), temperature=0, stream=True
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def health(server: Running) -> dict[str, Any]:
    """Return what /health says."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    connection.request("GET", "/health")
    data: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return data


def wait_until_idle(server: Running) -> None:
    """Wait until no request runs or waits."""
    for _ in range(200):
        if (health(server)["running"], health(server)["waiting"]) == (0, 0):
            return
        time.sleep(0.05)
    raise AssertionError(f"still busy: {health(server)}")


@pytest.mark.parametrize("settings", [{"n_parallel": 8}, {"n_parallel": 3}, {"n_parallel": 4, "n_ctx": 256}])
def test_eight_clients_get_the_answers_they_get_alone(start: Callable[..., Running], settings: dict[str, int]) -> None:
    server = start(n_ctx=settings.pop("n_ctx", 4096), **settings)
    questions = [*PAIRS] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: ask_one(server, job[1], job[0] % 2 == 0), enumerate(questions)))
    assert answers == [PAIRS[question] for question in questions]
    wait_until_idle(server)


def open_stream(server: Running, body: dict[str, Any]) -> http.client.HTTPConnection:
    """Send a chat request by hand and return its connection, unread."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    data = json.dumps({"model": server.name, "temperature": 0, **body})
    connection.request("POST", "/v1/chat/completions", data, {"Content-Type": "application/json"})
    return connection


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_place(
    start: Callable[..., Running], stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(n_ctx=4096, n_parallel=1)
    reasons: list[str] = []
    original = Scheduler._finish

    def noted(self: Scheduler, sequence: Sequence, reason: FinishReason) -> None:
        reasons.append(reason)
        original(self, sequence, reason)

    monkeypatch.setattr(Scheduler, "_finish", noted)
    long = {"messages": ask("word " * 1200), "stream": stream}
    connections = [open_stream(server, long) for _ in range(4)]
    if stream:
        assert connections[0].getresponse().read(20).startswith(b"data: ")
    for _ in range(200):
        if health(server)["waiting"] >= 2:
            break
        time.sleep(0.01)
    for connection in connections:
        connection.close()
    wait_until_idle(server)
    assert reasons.count("cancelled") >= 2
    assert ask_one(server, "Say hello", True) == PAIRS["Say hello"]


def test_a_full_queue_is_said_with_a_time_to_come_back(start: Callable[..., Running]) -> None:
    server = start(n_ctx=4096, n_parallel=1, queue_size=1)
    long = "word " * 1000

    def one(_: int) -> str:
        try:
            server.client.chat.completions.create(model=server.name, messages=ask(long), temperature=0, max_tokens=50)
        except openai.RateLimitError as problem:
            assert problem.code == "queue_full"
            return str(problem.response.headers["retry-after"])
        return "answered"

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(one, range(48)))
    assert set(results) == {"answered", "2"}
    wait_until_idle(server)


def test_a_crash_of_one_turn_ends_its_answers_and_not_the_server(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashes = iter([True])
    original = Scheduler._sample

    def crashing(self: Scheduler, sequence: Sequence, logits: Any) -> None:
        if sequence.made == 5 and next(crashes, False):
            raise ZeroDivisionError
        original(self, sequence, logits)

    monkeypatch.setattr(Scheduler, "_sample", crashing)
    with pytest.raises(openai.InternalServerError):
        ask_one(server, "Count", stream=False)
    assert ask_one(server, "Count", stream=False) == PAIRS["Count"]
    crashes = iter([True])
    with pytest.raises(openai.APIError, match="engine"):
        ask_one(server, "Count", stream=True)
    assert ask_one(server, "Count", stream=True) == PAIRS["Count"]
    wait_until_idle(server)


@pytest.fixture(scope="module")
def model(taught: Taught) -> Iterator[Model]:
    loaded = Model(taught.gguf)
    yield loaded
    loaded.close()


@pytest.fixture
def make_scheduler(model: Model) -> Iterator[Callable[..., Scheduler]]:
    contexts: list[Context] = []

    def make(n_ctx: int = 4096, n_parallel: int = 4) -> Scheduler:
        contexts.append(Context(model, n_ctx=n_ctx, n_parallel=n_parallel, n_batch=min(512, n_ctx), n_threads=1))
        return Scheduler(model, contexts[-1], n_parallel)

    yield make
    for context in contexts:
        context.close()


def question(model: Model, text: str, max_tokens: int = 500) -> Generation:
    """Return a greedy request for one question."""
    prompt = f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    return Generation(model.tokenize(prompt), GREEDY, max_tokens)


def run(scheduler: Scheduler) -> Posted:
    """Turn until nothing is left to do."""
    posted: Posted = []
    for _ in range(5000):
        if not scheduler.busy:
            return posted
        posted += scheduler.turn()
    raise AssertionError("the scheduler never came to an end")


def text_of(posted: Posted, generation: Generation) -> str:
    """Return the text that one request got."""
    return "".join(event.text for one, event in posted if one is generation and isinstance(event, Delta))


def test_a_long_prompt_does_not_starve_a_running_stream(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler()
    running, long = question(model, "Count"), question(model, "word " * 700, max_tokens=3)
    assert len(long.tokens) > 1400
    scheduler.add(running)
    scheduler.turn()
    scheduler.add(long)
    posted: Posted = []
    turns = 0
    while not any(one is long for one, _ in posted):
        now = scheduler.turn()
        assert any(one is running for one, _ in now), "a turn without a token for the running stream"
        posted += now
        turns += 1
    assert turns == -(-len(long.tokens) // PROMPT_CHUNK_WHILE_WRITING)
    posted += run(scheduler)
    assert any(one is long and isinstance(event, Finished) for one, event in posted)
    assert PAIRS["Count"].endswith(text_of(posted, running))


def test_a_full_memory_sends_the_newest_back_and_loses_nothing(
    model: Model, make_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = make_scheduler(n_ctx=256)
    steps_back = []
    original = Scheduler._step_back

    def counted(self: Scheduler, group: list[Sequence]) -> None:
        steps_back.append(self.counts)
        original(self, group)

    monkeypatch.setattr(Scheduler, "_step_back", counted)
    generations = [question(model, "Count") for _ in range(4)]
    for generation in generations:
        scheduler.add(generation)
    posted = run(scheduler)
    assert steps_back
    assert [text_of(posted, one) for one in generations] == [PAIRS["Count"]] * 4
    ends = [event for _, event in posted if isinstance(event, Finished)]
    assert [end.reason for end in ends] == ["stop"] * 4
    assert len({end.completion_tokens for end in ends}) == 1
    assert {end.prompt_tokens for end in ends} == {len(generations[0].tokens)}


def test_an_answer_ends_where_the_context_ends(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler(n_ctx=256, n_parallel=1)
    generation = Generation(model.tokenize("word " * 60), Sampling(temperature=2.0, seed=1), 100_000)
    scheduler.add(generation)
    end = next(event for _, event in run(scheduler) if isinstance(event, Finished))
    assert end.reason in ("length", "stop")
    assert end.prompt_tokens + end.completion_tokens <= 257


def test_cancelling_works_while_waiting_while_reading_and_while_writing(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    scheduler = make_scheduler(n_parallel=2)
    writing, reading, waiting = question(model, "Count"), question(model, "word " * 700), question(model, "Say hello")
    for generation in (writing, reading, waiting):
        scheduler.add(generation)
    scheduler.turn()
    scheduler.turn()
    assert scheduler.counts == (2, 1)
    for generation in (writing, reading, waiting):
        generation.cancel()
    posted = scheduler.turn()
    assert {event.reason for _, event in posted if isinstance(event, Finished)} == {"cancelled"}
    assert scheduler.counts == (0, 0)
    again = question(model, "Say hello")
    scheduler.add(again)
    assert text_of(run(scheduler), again) == PAIRS["Say hello"]


def test_a_failure_ends_what_runs_and_the_next_request_works(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    scheduler = make_scheduler()
    generations = [question(model, "Count") for _ in range(6)]
    for generation in generations:
        scheduler.add(generation)
    scheduler.turn()
    assert scheduler.counts == (4, 2)
    problem = WorkError("serving.engine_failed")
    assert scheduler.fail_all(problem) == [(one, problem) for one in generations]
    assert scheduler.counts == (0, 0)
    again = question(model, "Say hello")
    scheduler.add(again)
    assert text_of(run(scheduler), again) == PAIRS["Say hello"]


def test_the_vocabulary_is_transformers_own(model: Model, taught: Taught) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(taught.folder)
    text = "<|im_start|>user\n한글 😀 it's 2026\n\n  x<|im_end|>\n"
    tokens = model.tokenize(text)
    assert tokens.dtype == np.int32
    assert tokens.tolist() == tokenizer.encode(text)
    assert b"".join(model.piece(token) for token in tokens).decode() == "user\n한글 😀 it's 2026\n\n  x\n"
    assert model.is_end(tokenizer.eos_token_id)
    assert (model.bos_token, model.eos_token) == ("<|endoftext|>", "<|im_end|>")
