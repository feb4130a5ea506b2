"""Synthesis as a real job against a scripted server: what comes back good, broken, late, never, or twice."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.data.given import file_rows
from mactuner_core.data.rows import Example
from mactuner_core.data.synthesis.job import run
from mactuner_core.data.synthesis.recipe import KEY_VARIABLE, SynthesisRecipe
from mactuner_core.data.synthesis.start import (
    prepare_synthesis,
    read_synthesis,
    resume_synthesis,
    start_synthesis,
    synthesis_folder,
)
from mactuner_core.errors import InputError, MacTunerError, NotFoundError, error_from_dict
from mactuner_core.jobs import Job, JobStatus
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.core.data.synthesis.conftest import SYSTEM, MakeRecipe, Serve
from tests.core.data.synthesis.scripted_server import Answer, Asked, fresh_rows, row, rows_asked

KEY = "sk-test-0123456789abcdef"

Do = Callable[..., JobStatus]


@pytest.fixture
def do(workspace: Workspace, catalog: Catalog) -> Do:
    """A function that does a whole synthesis in this process and returns how it ended."""

    def one(recipe: SynthesisRecipe) -> JobStatus:
        name = prepare_synthesis(workspace, catalog, recipe)
        folder = workspace.jobs / name
        folder.mkdir()
        job = Job(folder, workspace)
        try:
            job.finish("done", result=run({"synthesis": name}, job))
        except MacTunerError as problem:
            job.finish("failed", error=problem.as_dict())
        return jobs.read(folder)

    return one


@pytest.fixture
def do_in_process(workspace: Workspace, catalog: Catalog) -> Do:
    """A function that does a whole synthesis in a process of its own and returns how its job ended."""

    def one(recipe: SynthesisRecipe, **more: Any) -> JobStatus:
        return jobs.wait(workspace.jobs / start_synthesis(workspace, catalog, recipe, **more), poll_s=0.05)

    return one


def result_of(status: JobStatus) -> dict[str, Any]:
    assert status.state == "done", status
    return status.result


def saved(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(result["path"]).read_text("utf-8").splitlines()]


def code_of(status: JobStatus) -> str:
    assert status.state == "failed" and status.error
    error = error_from_dict(status.error)
    assert error.text("ko") and error.text("en")
    return error.code.removeprefix("synthesis.")


def test_valid_replies_become_marked_rows(serve: Serve, recipe: MakeRecipe, do_in_process: Do, tmp_path: Path) -> None:
    server = serve(fresh_rows())
    out = tmp_path / "new.jsonl"
    result = result_of(do_in_process(recipe(server, count=9, concurrency=1, instructions="다르게 쓰기"), out=out))
    rows = saved(result)
    assert (result["accepted"], result["requests"], result["stopped_by"]) == (9, 5, "count")
    assert all(one["synthetic"] is True and one["source_model"] == "scripted" for one in rows)
    assert all(one["messages"][0] == {"role": "system", "content": SYSTEM} for one in rows)
    assert [rows_asked(asked) for asked in server.asked] == [2, 2, 2, 2, 1]
    prompt = server.asked[0]["messages"][0]["content"]
    assert "다르게 쓰기" in prompt and SYSTEM not in prompt  # shared by all rows, so it costs no tokens
    assert server.asked[0]["max_tokens"] == 100 and server.asked[0]["temperature"] == 0.9
    assert len({asked["messages"][0]["content"] for asked in server.asked[:4]}) > 1
    assert result["tokens"] == server.tokens == 5 * 150
    assert out.read_text("utf-8") == Path(result["path"]).read_text("utf-8")
    imported = [one for one in file_rows(out) if isinstance(one, Example)]
    assert len(imported) == 9 and imported[0].other == {"synthetic": True, "source_model": "scripted"}


def test_several_requests_at_once_and_never_more(serve: Serve, recipe: MakeRecipe, do: Do) -> None:
    fresh = fresh_rows()

    def slow(number: int, asked: Asked) -> Answer:
        answer = fresh(number, asked)
        answer.delay_s = 0.15
        return answer

    server = serve(slow)
    result = result_of(do(recipe(server, count=16, concurrency=4)))
    assert result["accepted"] == 16 and len(server.asked) == 8
    assert server.most_running == 4


def test_broken_replies_are_counted_and_asked_again(serve: Serve, recipe: MakeRecipe, do: Do) -> None:
    fresh = fresh_rows()
    broken = [
        Answer("I am sorry, I cannot do that."),
        Answer('[{"messages": [{"role": "user", "cont', finish_reason="length"),
        Answer(""),
        Answer('{"answer": 42}'),
        Answer(json.dumps([{"messages": [{"role": "user", "content": "only a question"}]}])),
        Answer(json.dumps([row(5) | {"id": 1}])),
    ]
    server = serve(lambda number, asked: broken[number] if number < len(broken) else fresh(number, asked))
    result = result_of(do(recipe(server, count=4, concurrency=1)))
    assert result["accepted"] == 4 and result["requests"] == 8
    assert result["refused"] == {
        f"synthesis.{code}": 1
        for code in (
            "reply_bad_json",
            "reply_cut",
            "reply_empty",
            "row_no_messages",
            "row_bad_turns",
            "row_extra_field",
        )
    }


def test_duplicates_of_gold_and_of_each_other_are_refused(serve: Serve, recipe: MakeRecipe, do: Do) -> None:
    near = row(1)
    near["messages"][1]["content"] = near["messages"][1]["content"][:-1] + "끝"
    replies = [[row(1_000_000), row(1)], [row(1), row(2)], [near, row(3)], [row(3), row(3)], [row(4)]]
    server = serve(lambda number, _: Answer(json.dumps(replies[number])))
    result = result_of(do(recipe(server, count=4, concurrency=1)))
    assert result["refused"] == {"synthesis.row_same": 4, "synthesis.row_alike": 1}
    assert [one["messages"][1:] for one in saved(result)] == [row(number)["messages"] for number in (1, 2, 3, 4)]


def test_rows_that_break_a_rule_are_refused(serve: Serve, recipe: MakeRecipe, do: Do, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("forbidden: [{name: no English, regex: '[A-Za-z]'}]\n")
    replies = [[row(1, "This is English"), row(2)], [row(3), row(4)]]
    server = serve(lambda number, _: Answer(json.dumps(replies[number])))
    status = do(recipe(server, count=3, concurrency=1, rules=str(rules)))
    result = result_of(status)
    assert result["refused"] == {"synthesis.row_breaks_rule": 1}
    assert result["first"]["synthesis.row_breaks_rule"]["rule"] == "no English"
    kept = (Path(result["path"]).parent / "refused.jsonl").read_text("utf-8")
    assert "This is English" in kept


FAILURES = {
    "timeout": Answer(delay_s=2.0),
    "server error": Answer("overloaded", status=500),
    "unavailable": Answer("<html>Bad gateway</html>", status=502, body=b"<html>Bad gateway</html>"),
    "rate limit": Answer("slow down", status=429),
    "cut": Answer("x" * 4000, cut=True),
    "no chat": Answer(body=b'{"object": "list"}'),
    "no choices": Answer(body=b'{"choices": []}'),
    "html": Answer(body=b"<html>Welcome</html>", headers={"Content-Type": "text/html"}),
    "half json": Answer(body=b'{"choices": [{"mess'),
    "odd message": Answer(body=b'{"choices": [{"message": "text"}]}'),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures_that_pass_are_tried_again(serve: Serve, recipe: MakeRecipe, do: Do, name: str) -> None:
    fresh = fresh_rows()
    server = serve(lambda number, asked: FAILURES[name] if number in (0, 2) else fresh(number, asked))
    result = result_of(do(recipe(server, count=4, concurrency=1, timeout_s=0.8)))
    assert result["accepted"] == 4 and len(server.asked) == 4
    assert sum(result["failed"].values()) == 2


def test_retry_after_is_honoured_by_all_requests(serve: Serve, recipe: MakeRecipe, do: Do) -> None:
    fresh = fresh_rows()
    limited = Answer("slow down", status=429, headers={"Retry-After": "1"})
    server = serve(lambda number, asked: limited if number == 0 else fresh(number, asked))
    result = result_of(do(recipe(server, count=6, concurrency=1)))
    assert result["failed"] == {"synthesis.try_rate_limited": 1}
    assert server.times[1] - server.times[0] >= 1.0


def test_pauses_grow_and_end(serve: Serve, recipe: MakeRecipe, do: Do) -> None:
    server = serve(lambda *_: Answer("out of order", status=503))
    status = do(recipe(server, retries=4, backoff_s=0.1, concurrency=3))
    assert code_of(status) == "endpoint_fails"
    assert status.error and "out of order" in error_from_dict(status.error).text()
    rounds = [server.times[0]]
    rounds += [later for earlier, later in pairwise(server.times) if later - earlier > 0.04]
    pauses = [later - earlier for earlier, later in pairwise(rounds)]
    assert len(pauses) == 4 and len(server.asked) <= 15
    assert all(pause >= 0.05 * 2**number for number, pause in enumerate(pauses))


def test_nobody_there(recipe: MakeRecipe, do: Do) -> None:
    status = do(recipe("http://127.0.0.1:9/v1", retries=1))
    assert code_of(status) == "endpoint_fails"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(f"Incorrect API key provided: {KEY}", status=401), "key_refused"),
        (Answer("forbidden", status=403), "key_refused"),
        (Answer("no such model", status=404), "not_found"),
        (Answer(f"context too long {KEY}", status=400), "refused"),
        (Answer("wait", status=429, headers={"Retry-After": "86400"}), "wait_too_long"),
        (Answer(status=429, body=b'{"error": {"message": "pay", "code": "insufficient_quota"}}'), "no_quota"),
    ],
)
def test_what_can_never_succeed_stops_at_once(
    serve: Serve, recipe: MakeRecipe, do: Do, answer: Answer, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    server = serve(lambda *_: answer)
    status = do(recipe(server, concurrency=1))
    assert code_of(status) == code
    assert len(server.asked) == 1 and server.keys == [KEY]
    assert status.error and KEY not in error_from_dict(status.error).text()


@pytest.mark.parametrize("answer", [Answer(f"wrong {KEY}", status=401), Answer(f"too long {KEY}", status=400)])
def test_a_refusal_that_repeats_the_key_leaks_nothing(
    serve: Serve, recipe: MakeRecipe, do_in_process: Do, workspace: Workspace, answer: Answer
) -> None:
    assert do_in_process(recipe(serve(lambda *_: answer)), api_key=KEY).state == "failed"
    assert_nowhere(KEY, workspace)


def assert_nowhere(secret: str, workspace: Workspace) -> None:
    files = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert {"spec.json", "log.txt", "recipe.yaml", "catalog.db"} <= {path.name for path in files}
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_the_key_is_sent_and_kept_nowhere(
    serve: Serve, recipe: MakeRecipe, do_in_process: Do, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks = [
        Answer(KEY),
        Answer(json.dumps([row(1, f"내 열쇠는 {KEY}")])),
        Answer(f"bad {KEY}", status=500),
        Answer(body=f"{{{KEY}".encode()),
    ]
    fresh = fresh_rows()
    server = serve(lambda number, asked: leaks[number] if number < len(leaks) else fresh(number + 50, asked))
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    result = result_of(do_in_process(recipe(server, concurrency=1)))
    assert result["accepted"] == 10
    assert set(server.keys) == {KEY}
    assert_nowhere(KEY, workspace)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_budget_is_never_exceeded(serve: Serve, recipe: MakeRecipe, do: Do, concurrency: int) -> None:
    server = serve(fresh_rows())
    result = result_of(do(recipe(server, count=1000, token_budget=4000, concurrency=concurrency)))
    assert result["stopped_by"] == "budget"
    assert 2000 < server.tokens <= 4000
    assert result["tokens"] == server.tokens
    assert result["accepted"] == 2 * len(server.asked)


def test_the_budget_holds_without_reported_usage_and_with_lost_replies(
    serve: Serve, recipe: MakeRecipe, do: Do
) -> None:
    fresh = fresh_rows()

    def silent(number: int, asked: Asked) -> Answer:
        answer = fresh(number, asked)
        answer.usage, answer.cut = None, number % 2 == 1
        return answer

    server = serve(silent)
    recipe_used = recipe(server, count=1000, token_budget=20_000, concurrency=2)
    result = result_of(do(recipe_used))
    most = sum(len(asked["messages"][0]["content"].encode()) + asked["max_tokens"] for asked in server.asked)
    assert result["stopped_by"] == "budget" and most <= 20_000


def test_a_budget_too_small_for_one_request_is_refused(
    serve: Serve, recipe: MakeRecipe, do: Do, workspace: Workspace
) -> None:
    server = serve(fresh_rows())
    with pytest.raises(InputError) as caught:
        do(recipe(server, token_budget=50))
    assert caught.value.code == "synthesis.budget_too_small"
    assert not server.asked and not any(workspace.jobs.iterdir())
    assert not any((workspace.root / "synthesis").iterdir())


def test_useless_replies_end_it(serve: Serve, recipe: MakeRecipe, do: Do) -> None:
    server = serve(lambda *_: Answer("no"))
    assert result_of(do(recipe(server, count=100)))["stopped_by"] == "fruitless"
    assert len(server.asked) < 20
    other = serve(lambda *_: Answer(json.dumps([row(1), row(2)])))
    result = result_of(do(recipe(other, count=100, max_requests=3)))
    assert (result["stopped_by"], result["requests"], result["accepted"]) == ("requests", 3, 2)


def test_newer_models_get_the_limit_under_its_new_name(serve: Serve, recipe: MakeRecipe, do: Do) -> None:
    fresh = fresh_rows()

    def newer(number: int, asked: Asked) -> Answer:
        if "max_tokens" in asked:
            return Answer("Unsupported parameter: use 'max_completion_tokens' instead.", status=400)
        return fresh(number, asked)

    server = serve(newer)
    assert result_of(do(recipe(server, concurrency=1, temperature=None)))["accepted"] == 10
    assert server.asked[-1]["max_completion_tokens"] == 100 and "temperature" not in server.asked[-1]


def slow_rows(delay_s: float) -> Callable[[int, Asked], Answer]:
    fresh = fresh_rows()

    def script(number: int, asked: Asked) -> Answer:
        answer = fresh(number, asked)
        answer.delay_s = delay_s
        return answer

    return script


def wait_for_rows(folder: Path, count: int) -> None:
    limit = time.monotonic() + 30
    path = folder / "accepted.jsonl"
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_killed_in_the_middle_and_resumed(
    serve: Serve, recipe: MakeRecipe, workspace: Workspace, catalog: Catalog
) -> None:
    """After each kill the server still knows what it gave; nothing accepted is lost, nothing is there twice."""
    server = serve(slow_rows(0.1))
    name = start_synthesis(workspace, catalog, recipe(server, count=40, concurrency=3))
    folder, job = synthesis_folder(workspace, name), name
    before: list[str] = []
    for rows in (6, 14, 24):
        wait_for_rows(folder, rows)
        with pytest.raises(InputError, match="still works"):
            resume_synthesis(workspace, name)
        os.kill(jobs.read(workspace.jobs / job).pid or 0, signal.SIGKILL)
        assert jobs.wait(workspace.jobs / job).state == "lost"
        lines = (folder / "accepted.jsonl").read_text("utf-8").splitlines()
        assert lines[: len(before)] == before
        before = lines
        with (folder / "accepted.jsonl").open("ab") as file:
            file.write(b'{"messages": [{"role"')  # as a crash of the whole machine might leave it
        job = resume_synthesis(workspace, name)
    result = result_of(jobs.wait(workspace.jobs / job))
    lines = Path(result["path"]).read_text("utf-8").splitlines()
    assert lines[: len(before)] == before
    assert len(lines) == 40
    assert max(Counter(lines).values()) == 1
    assert result["tokens"] >= server.tokens


def test_stopped_and_resumed_with_a_larger_count(
    serve: Serve, recipe: MakeRecipe, workspace: Workspace, catalog: Catalog
) -> None:
    server = serve(slow_rows(0.2))
    name = start_synthesis(workspace, catalog, recipe(server, count=6, concurrency=1))
    folder = synthesis_folder(workspace, name)
    wait_for_rows(folder, 2)
    jobs.request_stop(workspace.jobs / name)
    before = time.monotonic()
    assert jobs.wait(workspace.jobs / name).state == "cancelled"
    assert time.monotonic() - before < 5
    kept = read_synthesis(workspace, name)["accepted"]
    assert 2 <= kept < 6
    with pytest.raises(InputError, match="gold"):
        resume_synthesis(workspace, name, {"gold": "other.jsonl"})
    result = result_of(jobs.wait(workspace.jobs / resume_synthesis(workspace, name, {"count": 8})))
    assert result["accepted"] == 8 and len(saved(result)) == 8


def test_a_stop_is_heard_while_the_server_is_silent(
    serve: Serve, recipe: MakeRecipe, workspace: Workspace, catalog: Catalog
) -> None:
    server = serve(lambda *_: Answer(delay_s=5))
    name = start_synthesis(workspace, catalog, recipe(server, timeout_s=60))
    while not server.asked:
        time.sleep(0.02)
    jobs.request_stop(workspace.jobs / name)
    before = time.monotonic()
    assert jobs.wait(workspace.jobs / name).state == "cancelled"
    assert time.monotonic() - before < 4


def test_what_is_refused_before_a_job(
    recipe: MakeRecipe, workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    bad, rules, taken = tmp_path / "bad.jsonl", tmp_path / "rules.yaml", tmp_path / "taken.jsonl"
    bad.write_text('{"messages": [{"role": "user", "content": "x"}]}\n{"text": "plain"}\n')
    rules.write_text("required: [없는 말]")
    taken.write_text("mine")
    for changes, out, code in (
        ({"gold": str(bad)}, None, "synthesis.no_gold"),
        ({"gold": "unknown"}, None, "catalog.no_dataset"),
        ({"gold": str(tmp_path / "none.jsonl")}, None, "data.no_file"),
        ({"rules": str(rules)}, None, "synthesis.gold_breaks_rules"),
        ({"rules": str(tmp_path / "none.yaml")}, None, "config.no_file"),
        ({}, taken, "synthesis.out_exists"),
    ):
        with pytest.raises(InputError) as caught:
            start_synthesis(workspace, catalog, recipe("http://127.0.0.1:9/v1", **changes), out=out)
        assert caught.value.code == code
    with pytest.raises(NotFoundError):
        resume_synthesis(workspace, "../../etc")
    assert not any(workspace.jobs.iterdir())


def test_the_samples_work_together(serve: Serve, do: Do, recipe: MakeRecipe) -> None:
    """Gold from a CSV file without a system prompt; the default prompt."""
    from mactuner_core.data.synthesis.prompt import DEFAULT_PROMPT

    server = serve(lambda number, _: Answer(json.dumps([row(number)])))
    gold = str(SAMPLES / "civil_law_qa.csv")
    result = result_of(do(recipe(server, gold=gold, prompt=DEFAULT_PROMPT, count=3, token_budget=50_000)))
    assert [len(one["messages"]) for one in saved(result)] == [2, 2, 2]
