"""Prompt lookup: the answer is the same as without it, right guesses save turns, and it stops where it does not pay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from serving.engine.generation import Sampling
from serving.engine.llama import Model
from serving.engine.lookup import LONGEST_DRAFT, Costs, Lookup, best_length
from serving.engine.scheduler import Scheduler
from tests.serving.conftest import LONG_ANSWER, PAIRS
from tests.serving.engine.driving import answer, end_of, endless, of_tokens, question, run, text_of


def array(*tokens: int) -> np.ndarray:
    return np.array(tokens, dtype=np.int32)


def test_the_latest_earlier_place_is_found() -> None:
    assert Lookup().draft(array(1, 2, 3, 4, 5, 1, 2, 3), 4) == [4, 5, 1, 2]
    assert Lookup().draft(array(1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3), 2) == [5, 1]
    assert Lookup().draft(array(1, 2, 3, 4, 5), 4) == []
    assert Lookup().draft(array(1, 2), 4) == []
    assert Lookup().draft(array(7, 7, 7, 7), 4) == [7]
    grown = Lookup()
    text = [1, 2, 3, 9, 4, 5, 6, 8]
    for end in range(1, len(text) + 1):
        assert grown.draft(array(*text[:end]), 4) == []
    assert grown.draft(array(*text, 1, 2, 3), 2) == [9, 4]
    assert grown.draft(array(*text, 1, 2, 3, 4, 5, 6), 2) == [8, 1]


def test_a_longer_guess_needs_a_better_record_or_cheaper_rows() -> None:
    costs = Costs()
    for rows, seconds in ((1, 1.0), (3, 1.5), (5, 2.2), (9, 4.0), (17, 8.0)):
        costs.observe(rows, seconds)
    assert best_length(0.99, 1, LONGEST_DRAFT, costs) >= 4
    assert best_length(0.2, 1, LONGEST_DRAFT, costs) == 0
    cheap = Costs()
    for rows in (1, 3, 5, 9, 17):
        cheap.observe(rows, 1.0 + rows / 100)
    assert best_length(0.99, 1, LONGEST_DRAFT, cheap) == LONGEST_DRAFT
    assert best_length(0.99, 1, 5, cheap) == 4
    assert best_length(0.99, 1, 0, cheap) == 0
    assert best_length(0.9, 1, LONGEST_DRAFT, Costs()) == 2, "what was never tried is tried, beginning with the least"
    assert best_length(0.3, 1, LONGEST_DRAFT, Costs()) == 0


def test_the_record_follows_what_happens() -> None:
    lookup = Lookup()
    for _ in range(10):
        lookup.observe(4, 4)
    assert lookup.rate > 0.95
    for _ in range(20):
        lookup.observe(4, 0)
    assert lookup.rate < 0.05


def quote(model: Model, text: str) -> list[int]:
    """Return a prompt that holds the answer already, so that every guess can be right."""
    said = question(model, text).tokens.tolist()
    tokens: list[int] = [*said, *model.tokenize(PAIRS[text] + "<|im_end|>\n").tolist(), *said]
    return tokens


def test_greedy_answers_are_the_same_and_take_fewer_turns(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    plain, guessing = make_scheduler(speculation="off"), make_scheduler(speculation="on")
    tokens = quote(model, "Count")
    expected, slow = answer(plain, of_tokens(tokens, 200))
    text, fast = answer(guessing, of_tokens(tokens, 200))
    assert text == expected
    assert slow.drafted_tokens == 0
    assert fast.accepted_tokens > 0
    assert fast.drafted_tokens >= fast.accepted_tokens
    assert guessing.turns < plain.turns
    assert fast.completion_tokens == slow.completion_tokens


@pytest.mark.parametrize("stop", [(), ("12 13",), ("9",)])
@pytest.mark.parametrize("most", [1, 2, 9, 40])
def test_stop_words_and_limits_hold_in_the_middle_of_a_guess(
    model: Model, make_scheduler: Callable[..., Scheduler], stop: tuple[str, ...], most: int
) -> None:
    tokens = quote(model, "Count")
    results = []
    for speculation in ("off", "on"):
        generation = of_tokens(tokens, most, stop=stop, top_logprobs=1)
        posted = run(make_scheduler(speculation=speculation), generation)
        end = end_of(posted, generation)
        logprobs = [one.token for _, event in posted for one in getattr(event, "logprobs", ())]
        results.append((text_of(posted, generation), end.reason, end.completion_tokens, logprobs))
    assert results[0] == results[1]


@pytest.mark.parametrize("sampling", [Sampling(temperature=1.0), Sampling(temperature=0.8, top_k=20)])
def test_sampled_answers_are_the_same_too(
    model: Model, make_scheduler: Callable[..., Scheduler], sampling: Sampling
) -> None:
    """All but a few: rows of one batch are rounded otherwise than a row alone, which now and then tips a draw."""
    tokens = quote(model, "Who jumps over the dog?")
    plain, guessing = make_scheduler(speculation="off"), make_scheduler(speculation="on")
    same = 0
    for seed in range(8):
        drawn = replace(sampling, seed=seed)
        texts = [answer(scheduler, of_tokens(tokens, 30, drawn))[0] for scheduler in (plain, guessing)]
        same += texts[0] == texts[1]
    assert same >= 5


def test_penalised_answers_are_the_same_too(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    sampling = Sampling(temperature=0, repeat_penalty=1.1, presence_penalty=0.5)
    tokens = quote(model, "Who jumps over the dog?")
    texts = [
        answer(make_scheduler(speculation=speculation), of_tokens(tokens, 60, sampling))[0]
        for speculation in ("off", "on")
    ]
    assert texts[0] == texts[1]


def test_many_at_once_with_guesses_get_what_they_get_alone(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    scheduler = make_scheduler(speculation="on", n_parallel=4)
    generations = [question(model, text) for text in [*PAIRS] * 3] + [of_tokens(quote(model, "Count"), 200)]
    posted = run(scheduler, *generations)
    assert [text_of(posted, one) for one in generations[:-1]] == [*PAIRS.values()] * 3
    alone, _ = answer(make_scheduler(speculation="off"), of_tokens(generations[-1].tokens, 200))
    assert text_of(posted, generations[-1]) == alone
    assert len(scheduler.cache) + len(scheduler._places._free) == scheduler._context.ids


def test_what_a_wrong_guess_left_in_memory_is_gone(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler(speculation="on")
    tokens = [*model.tokenize(LONG_ANSWER).tolist(), *model.tokenize(LONG_ANSWER[:40]).tolist()]
    answer(scheduler, of_tokens(tokens, 60, endless(model)))
    (entry,) = scheduler.cache.entries()
    text, end = answer(scheduler, of_tokens([*entry.tokens, *model.tokenize(" 7 8")], 20, endless(model)))
    assert end.cached_tokens == len(entry.tokens)
    fresh = make_scheduler(speculation="off", prefix_cache=False)
    assert answer(fresh, of_tokens([*entry.tokens, *model.tokenize(" 7 8")], 20, endless(model)))[0] == text
