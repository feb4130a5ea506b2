"""The scheduler by hand: nobody starves, a full memory loses nothing, cancelling works in every state."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mactuner_core.errors import MacTunerError, WorkError
from serving.engine.generation import Finished, Generation, Sampling, TokenLogprob
from serving.engine.llama import Model
from serving.engine.scheduler import Posted, RequestTimeoutError, Scheduler
from serving.engine.sequence import Sequence
from tests.serving.conftest import PAIRS, Taught
from tests.serving.engine.driving import answer, end_of, endless, question, run, text_of


def test_a_long_prompt_does_not_starve_a_running_stream(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler(n_batch=97)
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
    assert turns == -(-len(long.tokens) // 96)
    posted += run(scheduler)
    assert any(one is long and isinstance(event, Finished) for one, event in posted)
    assert PAIRS["Count"].endswith(text_of(posted, running))


def test_a_full_memory_sends_the_newest_back_and_loses_nothing(
    model: Model, make_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = make_scheduler(n_ctx=256, shared=True)
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


def test_the_client_with_the_fewest_running_requests_comes_next(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    scheduler = make_scheduler(n_parallel=2)
    many = [question(model, f"Count {number}", client="many", label=f"many {number}") for number in range(6)]
    for generation in many:
        scheduler.add(generation)
    scheduler.turn()
    one = question(model, "Say hello", client="one", label="one")
    scheduler.add(one)
    posted = run(scheduler)
    ends = [generation.label for generation, event in posted if isinstance(event, Finished)]
    assert ends.index("one") <= 2


def test_a_request_that_takes_too_long_ends_alone(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler(timeout_s=60)
    late, other = question(model, "Count"), question(model, "Say hello")
    late.created_s -= 61
    posted = run(scheduler, late, other)
    assert [type(event) for one, event in posted if one is late] == [RequestTimeoutError]
    assert text_of(posted, other) == PAIRS["Say hello"]


def test_an_answer_that_breaks_its_constraint_ends_alone(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    class Broken:
        def mask(self) -> np.ndarray:
            raise WorkError("serving.engine_failed")

        def accept(self, token: int) -> None: ...

        def complete(self) -> bool:
            return False

    class Buggy(Broken):
        def mask(self) -> np.ndarray:
            raise ZeroDivisionError

    scheduler = make_scheduler()
    broken, buggy, fine = (question(model, "Count", constraint=one) for one in (Broken(), Buggy(), None))
    posted = run(scheduler, broken, buggy, fine)
    assert text_of(posted, fine) == PAIRS["Count"]
    for one in (broken, buggy):
        assert [isinstance(event, MacTunerError) for owner, event in posted if owner is one] == [True]


def test_a_constraint_is_followed_and_ends_the_answer(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    wanted = model.tokenize("Hello, fox").tolist()

    class Only:
        def __init__(self) -> None:
            self.at = 0

        def mask(self) -> np.ndarray:
            allowed = np.zeros(model.size, dtype=bool)
            allowed[wanted[self.at]] = True
            return allowed

        def accept(self, token: int) -> None:
            assert token == wanted[self.at]
            self.at += 1

        def complete(self) -> bool:
            return self.at == len(wanted)

    for sampling in (Sampling(temperature=0), Sampling(temperature=1.5, seed=3), Sampling(repeat_penalty=1.5)):
        text, end = answer(make_scheduler(), question(model, "Count", sampling=sampling, constraint=Only()))
        assert (text, end.reason, end.completion_tokens) == ("Hello, fox", "stop", len(wanted))


def test_a_bias_forbids_and_forces(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    (first, *_) = model.tokenize(PAIRS["Say hello"])
    never = Sampling(temperature=0, logit_bias=((int(first), -100.0),))
    assert not answer(make_scheduler(), question(model, "Say hello", sampling=never))[0].startswith(
        model.piece(int(first)).decode()
    )
    fox = int(model.tokenize("fox")[-1])
    always = Sampling(temperature=0, logit_bias=((fox, 100.0),))
    text, _ = answer(make_scheduler(), question(model, "Say hello", 4, sampling=always))
    assert text == model.piece(fox).decode() * 4


def test_the_log_probabilities_are_transformers_own(
    model: Model, make_scheduler: Callable[..., Scheduler], taught: Taught
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    generation = question(model, "Say hello", top_logprobs=3, prompt_logprobs=True)
    posted = run(make_scheduler(), generation)
    found = [one for owner, event in posted if owner is generation for one in getattr(event, "logprobs", ())]
    end = end_of(posted, generation)
    tokens = [*generation.tokens.tolist(), *(one.token for one in found)]
    network = AutoModelForCausalLM.from_pretrained(taught.folder, dtype=torch.float32)
    with torch.no_grad():
        expected = network(torch.tensor([tokens])).logits[0].log_softmax(-1).numpy()
    measured: list[TokenLogprob] = [*end.prompt_logprobs, *found]
    assert len(measured) == len(tokens) - 1 == len(generation.tokens) - 1 + len(found)
    for place, one in enumerate(measured):
        assert one.token == tokens[place + 1]
        assert one.logprob == pytest.approx(expected[place, one.token], abs=0.05)
        best = np.argsort(-expected[place])[:1]
        assert one.top[0][0] == best[0] or one.top[0][1] == pytest.approx(expected[place].max(), abs=0.05)
        assert len(one.top) == 3
        assert [logprob for _, logprob in one.top] == sorted((logprob for _, logprob in one.top), reverse=True)


def test_log_probabilities_end_where_the_text_ends(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    generation = question(model, "Who jumps over the dog?", top_logprobs=0, stop=(" lazy",))
    posted = run(make_scheduler(), generation)
    tokens = [one.token for _, event in posted for one in getattr(event, "logprobs", ())]
    assert text_of(posted, generation) == "The quick brown fox jumps over the"
    assert b"".join(model.piece(token) for token in tokens).decode() == "The quick brown fox jumps over the"


def test_no_tokens_wanted_reads_the_prompt_only(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    text, end = answer(make_scheduler(), question(model, "Say hello", 0))
    assert (text, end.completion_tokens, end.reason) == ("", 0, "length")


def test_an_answer_goes_on_to_the_very_end_of_the_context(
    model: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    for speculation in ("off", "on"):
        scheduler = make_scheduler(n_ctx=256, n_parallel=1, speculation=speculation)
        generation = question(model, "Count", 100_000, sampling=endless(model))
        end = end_of(run(scheduler, generation), generation)
        assert (end.reason, end.prompt_tokens + end.completion_tokens) == ("length", 257)


def test_live_requests_are_told_by_their_state(model: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler(n_parallel=2)
    for label, text in (("writes", "Count"), ("reads", "word " * 700), ("waits", "Say hello")):
        scheduler.add(question(model, text, label=label))
    scheduler.turn()
    scheduler.turn()
    assert {one.label: one.state for one in scheduler.live()} == {
        "writes": "writing", "reads": "reading", "waits": "waiting"
    }  # fmt: skip
    writes = next(one for one in scheduler.live() if one.label == "writes")
    assert writes.completion_tokens > 0
    assert writes.age_s > 0
