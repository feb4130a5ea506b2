"""Prompts that begin alike: what is computed once, what is shared, what makes room, and that no answer changes by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from serving.engine.context import Context
from serving.engine.generation import Finished
from serving.engine.llama import Model
from serving.engine.prefix_cache import SHORTEST, PrefixCache, common_prefix
from serving.engine.prefix_store import PrefixStore
from serving.engine.scheduler import Scheduler
from serving.models import ServedModel
from tests.serving.conftest import PAIRS, Taught
from tests.serving.engine.driving import answer, end_of, endless, of_tokens, question, run, text_of

SYSTEM = "<|im_start|>system\n" + "너는 친절한 법률 상담원이다. " * 30 + "<|im_end|>\n"


def with_system(model: Model, text: str) -> list[int]:
    """Return the tokens of a question behind a long system prompt."""
    tokens: list[int] = model.tokenize(SYSTEM).tolist() + question(model, text).tokens.tolist()
    return tokens


def test_common_beginnings() -> None:
    one = np.array([1, 2, 3, 4], dtype=np.int32)
    assert common_prefix(one, one) == 4
    assert common_prefix(one, one[:2]) == 2
    assert common_prefix(one, np.array([1, 2, 9, 4], dtype=np.int32)) == 2
    assert common_prefix(one, np.array([7], dtype=np.int32)) == 0
    assert common_prefix(one, one[:0]) == 0


def test_a_second_request_starts_where_the_first_one_was(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    scheduler, plain = make_scheduler(), make_scheduler(prefix_cache=False)
    first = of_tokens(with_system(model, "Say hello"), 40)
    second = of_tokens(with_system(model, "Count"), 40)
    for generation in (first, second):
        text, end = answer(scheduler, generation)
        expected, fresh = answer(plain, of_tokens(generation.tokens, 40))
        assert text == expected
        assert fresh.cached_tokens == 0
    assert end.cached_tokens == common_prefix(first.tokens, second.tokens) > len(model.tokenize(SYSTEM)) - 2


def test_a_conversation_goes_on_from_all_that_was_said(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler()
    answer(scheduler, of_tokens(with_system(model, "Say hello"), 40))
    (entry,) = scheduler.cache.entries()
    _, end = answer(scheduler, of_tokens([*entry.tokens, *question(model, "Count").tokens], 40))
    assert end.cached_tokens == len(entry.tokens) > len(with_system(model, "Say hello"))
    assert len(scheduler.cache) == 1, "the first turn is the beginning of the second: one entry is enough"


def test_the_very_same_prompt_computes_one_token(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler, tokens = make_scheduler(), with_system(model, "Count")
    expected, _ = answer(scheduler, of_tokens(tokens, 60))
    text, end = answer(scheduler, of_tokens(tokens, 60))
    assert text == expected
    assert end.cached_tokens == end.prompt_tokens - 1


def test_a_request_that_takes_a_place_over_keeps_even_a_short_common_beginning(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    scheduler = make_scheduler(shared=False, n_parallel=1)
    first, second = question(model, "Count"), question(model, "Say hello")
    answer(scheduler, first)
    text, end = answer(scheduler, second)
    assert text == PAIRS["Say hello"]
    assert 0 < end.cached_tokens == common_prefix(first.tokens, second.tokens) < SHORTEST


def test_a_short_prompt_goes_on_from_its_own_answer_though_a_longer_one_began_alike(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    scheduler = make_scheduler()
    prompt = question(model, "Say hello").tokens
    assert SHORTEST < len(prompt) < 32, "too short to be copied from another place"
    answer(scheduler, of_tokens([*prompt, *with_system(model, "Count")], 4))  # of no use: more of it would be lost
    answer(scheduler, of_tokens(prompt, 4))
    _, end = answer(scheduler, of_tokens(prompt, 4))
    assert end.cached_tokens == len(prompt) - 1


def test_requests_that_come_together_read_their_common_beginning_once(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    scheduler = make_scheduler()
    generations = [of_tokens(with_system(model, text), 60) for text in ("Say hello", "Count", "임대차 기간은?")]
    short = question(model, "Say hello")
    posted = run(scheduler, *generations, short)
    ends = [end_of(posted, one) for one in generations]
    assert ends[0].cached_tokens == 0
    assert all(end.cached_tokens >= len(model.tokenize(SYSTEM)) - 2 for end in ends[1:])
    assert text_of(posted, short) == PAIRS["Say hello"], "a request that shares nothing does not wait"
    for generation in generations:
        assert text_of(posted, generation) == answer(make_scheduler(), of_tokens(generation.tokens, 60))[0]


def test_a_full_memory_gives_up_the_oldest_prefix_first(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler(n_ctx=512, n_parallel=1)
    texts = [f"{number} " * 60 for number in (4, 5, 7, 8, 9)]
    for text in texts:
        answer(scheduler, question(model, text, 8))
    assert answer(scheduler, question(model, texts[-1], 8))[1].cached_tokens > 60
    assert answer(scheduler, question(model, texts[0], 8))[1].cached_tokens < 60


def test_the_memory_never_holds_more_than_it_can(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler(n_ctx=512, n_parallel=3)
    generator = np.random.default_rng(5)
    pool = generator.integers(10, model.size - 1, size=(6, 200))
    expected: dict[bytes, str] = {}
    for number in range(40):
        row = pool[number % 6]
        tokens = row[: int(generator.integers(30, 200))]
        batch = [of_tokens(tokens, 12, endless(model)), of_tokens([*tokens[:60], *row[::-1][:20]], 12, endless(model))]
        posted = run(scheduler, *batch)
        for generation in batch:
            end = end_of(posted, generation)
            assert (end.reason, end.completion_tokens) == ("length", 12)
            key = generation.tokens.tobytes()
            assert expected.setdefault(key, text_of(posted, generation)) == text_of(posted, generation)
    assert scheduler.counts == (0, 0)
    assert len(scheduler.cache) <= scheduler.cache.room
    assert scheduler.cache.tokens <= scheduler._context.all_cells


def test_a_cancelled_prompt_is_of_use_to_the_next(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler(n_batch=64)
    left = of_tokens(with_system(model, "Count"), 40)
    scheduler.add(left)
    scheduler.turn()
    scheduler.turn()
    left.cancel()
    run(scheduler)
    assert answer(scheduler, of_tokens(with_system(model, "Say hello"), 5))[1].cached_tokens >= 128


def test_short_beginnings_are_not_kept() -> None:
    cache = PrefixCache(4, 1000)
    assert cache.keep(3, np.arange(SHORTEST - 1, dtype=np.int32), None) == [3]
    assert cache.keep(3, np.arange(SHORTEST, dtype=np.int32), None) == []
    assert cache.find(np.arange(50, dtype=np.int32), "other")[0] is None
    assert cache.find(np.arange(50, dtype=np.int32), None)[1] == SHORTEST
    assert cache.keep(4, np.arange(2000, dtype=np.int32), None) == [4], "more than the memory holds"
    assert PrefixCache(0, 1000).keep(5, np.arange(100, dtype=np.int32), None) == [5]


@pytest.fixture
def served(taught: Taught) -> ServedModel:
    return ServedModel(taught.gguf, "taught")


def test_prefixes_outlive_the_server_on_disk(
    model: Model, make_scheduler: Callable[..., Scheduler], served: ServedModel, tmp_path: Path
) -> None:
    first, tokens = make_scheduler(), with_system(model, "Count")
    expected, _ = answer(first, of_tokens(tokens, 40))
    store = PrefixStore(tmp_path, served, 10**9)
    store.save(first._context, first.cache)
    (about,) = tmp_path.glob("*/*.json")
    assert about.stat().st_mode & 0o77 == 0
    assert about.with_suffix(".kv").stat().st_mode & 0o77 == 0

    second = make_scheduler()
    second.restore(PrefixStore(tmp_path, served, 10**9))
    text, end = answer(second, of_tokens(tokens, 40))
    assert (text, end.cached_tokens) == (expected, len(tokens) - 1)


@pytest.mark.parametrize("harm", ["cut", "flipped", "no tokens", "wrong tokens", "not json", "gone"])
def test_a_damaged_file_is_ignored(
    model: Model, make_scheduler: Callable[..., Scheduler], served: ServedModel, tmp_path: Path, harm: str
) -> None:
    first = make_scheduler()
    answer(first, of_tokens(with_system(model, "Count"), 4))
    PrefixStore(tmp_path, served, 10**9).save(first._context, first.cache)
    (about,) = tmp_path.glob("*/*.json")
    file = about.with_suffix(".kv")
    data = bytearray(file.read_bytes())
    if harm == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif harm == "flipped":
        data[len(data) // 2] ^= 0xFF
        file.write_bytes(data)
    elif harm == "gone":
        file.unlink()
    else:
        content = json.loads(about.read_text())
        content["tokens"] = {"no tokens": None, "wrong tokens": ["x"], "not json": []}[harm]
        about.write_text("{" if harm == "not json" else json.dumps(content))
    second = make_scheduler()
    second.restore(PrefixStore(tmp_path, served, 10**9))
    assert len(second.cache) == 0
    assert answer(second, question(model, "Say hello"))[0] == PAIRS["Say hello"]


def test_another_model_s_prefixes_are_not_taken_and_the_folder_keeps_its_limit(
    model: Model, make_scheduler: Callable[..., Scheduler], served: ServedModel, taught: Taught, tmp_path: Path
) -> None:
    scheduler = make_scheduler()
    for text in (SYSTEM, "x " * 300):
        answer(scheduler, question(model, text, 4))
    other = tmp_path / "other.gguf"
    other.write_bytes(taught.gguf.read_bytes())
    store = PrefixStore(tmp_path / "kept", served, 10**9)
    store.save(scheduler._context, scheduler.cache)
    assert len(store.load()) == 2
    assert PrefixStore(tmp_path / "kept", ServedModel(other, "other"), 10**9).load() == []
    PrefixStore(tmp_path / "kept", served, 1).save(scheduler._context, scheduler.cache)
    assert store.load() == []


def test_a_prefix_that_does_not_fit_is_left_on_disk(
    model: Model, make_scheduler: Callable[..., Scheduler], served: ServedModel, tmp_path: Path
) -> None:
    first = make_scheduler()
    answer(first, of_tokens(with_system(model, "Count"), 4))
    PrefixStore(tmp_path, served, 10**9).save(first._context, first.cache)
    small = make_scheduler(n_ctx=256)
    small.restore(PrefixStore(tmp_path, served, 10**9))
    assert len(small.cache) == 0
    assert answer(small, question(model, "Say hello"))[0] == PAIRS["Say hello"]


def test_a_context_counts_its_ids(model: Model) -> None:
    context = Context(model, n_ctx=256, n_parallel=2, n_batch=64, n_threads=1)
    scheduler = Scheduler(model, context, 2)
    for number in range(3 * context.ids):
        posted = run(scheduler, question(model, f"{number} {number} abc", 3))
        assert any(isinstance(event, Finished) for _, event in posted)
    assert len(scheduler.cache) + len(scheduler._places._free) == context.ids
    context.close()
