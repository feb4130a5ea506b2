"""The parts of a synthesis on their own: recipe, prompt, replies, duplicates, spending, waiting."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.data.synthesis.duplicates import SeenRows
from mactuner_core.data.synthesis.endpoint import Reply, retry_after_s
from mactuner_core.data.synthesis.ledger import Ledger, mend
from mactuner_core.data.synthesis.prompt import DEFAULT_PROMPT, fill, prompt_problem
from mactuner_core.data.synthesis.recipe import SynthesisRecipe
from mactuner_core.data.synthesis.replies import Unusable, messages_of, rows_in
from mactuner_core.data.synthesis.sieve import shared_system_prompt
from mactuner_core.data.synthesis.spending import Spending
from mactuner_core.data.synthesis.start import read_recipe
from mactuner_core.errors import ConfigError
from tests.conftest import SAMPLES
from tests.core.data.synthesis.scripted_server import row

NEEDED = {"base_url": "http://127.0.0.1:1/v1", "model": "m", "gold": "g"}


def test_the_sample_recipe_names_files_beside_it() -> None:
    recipe = read_recipe(SAMPLES / "big_five_synthesis.yaml", {"count": 3})
    assert recipe.gold == str(SAMPLES / "big_five_chatml.jsonl")
    assert recipe.rules == str(SAMPLES / "big_five_rules.yaml")
    assert recipe.count == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"base_url": "127.0.0.1:8000"}, "synthesis.bad_url"),
        ({"base_url": "ftp://x/v1"}, "synthesis.bad_url"),
        ({"base_url": "http://"}, "synthesis.bad_url"),
        ({"base_url": "http://x:99999/v1"}, "synthesis.bad_url"),
        ({"base_url": "http://me:secret@x/v1"}, "synthesis.secret_in_url"),
        ({"base_url": "http://x/v1?api_key=secret"}, "synthesis.secret_in_url"),
        ({"api_key": "secret"}, "config.unknown"),
        ({"prompt": "nothing to fill"}, "synthesis.bad_prompt"),
        ({"count": 0}, "config.out_of_range"),
    ],
)
def test_recipes_that_are_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SynthesisRecipe.check(NEEDED | change)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert "secret" not in caught.value.text("en")


@pytest.mark.parametrize(
    "template",
    [
        "{examples}", "{count}", "{examples} {count} {other}", "{examples} {count} {0}", "{examples} {count} {}",
        "{examples.__class__} {count}", "{examples[0]} {count}", "{examples!r} {count}", "{examples} {count:>999999999}",
        '{examples} {count} {"messages": []}', "{examples} {count} {", "{examples} {count} }",
    ],
)  # fmt: skip
def test_templates_that_cannot_be_filled(template: str) -> None:
    assert prompt_problem(template)


def test_a_prompt_is_filled_and_evaluates_nothing() -> None:
    said = [{"role": "user", "content": "{count} {instructions.__class__} 한글"}]
    prompt = fill(DEFAULT_PROMPT, [said], 3, " {examples} ")
    assert "Write 3 new examples" in prompt
    assert "{count} {instructions.__class__} 한글" in prompt and "\n{examples}\n" in prompt
    assert '{"messages": [{"role": "user", "content": "..."}' in prompt
    assert prompt_problem(DEFAULT_PROMPT) is None


ROWS = [row(1), row(2)]


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, ensure_ascii=False, indent=2),
        f"```json\n{json.dumps(ROWS)}\n```",
        f"Here they are:\n\n```\n{json.dumps(ROWS, indent=1)}\n```\nEnjoy!",
        f"<think>\n```json\n[]\n```\n</think>\n{json.dumps(ROWS)}",
        "\n".join(json.dumps(one) for one in ROWS),
        json.dumps({"examples": ROWS}),
    ],
)
def test_replies_that_can_be_read(reply: str) -> None:
    assert rows_in(reply) == ROWS


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("", "reply_empty"),
        ("[]", "reply_empty"),
        ("<think>only</think>", "reply_empty"),
        ("Sorry, I cannot.", "reply_bad_json"),
        (json.dumps(ROWS)[:-5], "reply_bad_json"),
        (json.dumps(ROWS).replace('"', "'"), "reply_bad_json"),
        ("[" * 100_000, "reply_bad_json"),
        ("42", "reply_no_list"),
        ('"text"', "reply_no_list"),
        ('{"examples": 3}', "reply_no_list"),
    ],
)
def test_replies_that_cannot(reply: str, code: str) -> None:
    with pytest.raises(Unusable) as caught:
        rows_in(reply)
    assert caught.value.code == f"synthesis.{code}"


def said(*roles: str, **last: Any) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": role, "content": "x"} for role in roles]
    messages[-1] |= last
    return {"messages": messages}


@pytest.mark.parametrize("found", [said("user", "assistant"), said("system", "user", "assistant", "user", "assistant")])
def test_rows_in_the_right_form(found: dict[str, Any]) -> None:
    assert messages_of(found) == found["messages"]


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ("text", "no_messages"),
        ({}, "no_messages"),
        ({"messages": []}, "no_messages"),
        ({"messages": "x"}, "no_messages"),
        (said("user", "assistant") | {"synthetic": False}, "extra_field"),
        ({"messages": ["x"]}, "bad_message"),
        (said("user", "narrator"), "bad_message"),
        (said("user", "assistant", name="x"), "bad_message"),
        (said("user", "assistant", role=["assistant"]), "bad_message"),
        (said("user", "assistant", content=None), "bad_content"),
        (said("user", "assistant", content=" \n"), "bad_content"),
        (said("user", "assistant", content="\ud800"), "bad_content"),
        (said("user", "assistant", content=["x"]), "bad_content"),
        (said("user"), "bad_turns"),
        (said("system"), "bad_turns"),
        (said("assistant", "user"), "bad_turns"),
        (said("user", "assistant", "user"), "bad_turns"),
        (said("user", "system", "assistant"), "bad_turns"),
    ],
)
def test_rows_in_a_wrong_form(found: Any, code: str) -> None:
    with pytest.raises(Unusable) as caught:
        messages_of(found)
    assert caught.value.code == f"synthesis.row_{code}"


def test_duplicates_exact_and_near() -> None:
    seen = SeenRows(0.8)
    for number in range(200):
        seen.add(row(number)["messages"], f"row {number}")
    assert seen.find(row(777)["messages"]) is None
    same = row(50)["messages"]
    spelled = [same[0], {"role": "assistant", "content": f"  {same[1]['content']}\n"}]
    with_system = [{"role": "system", "content": "다른 지시"}, *same]
    for messages in (same, spelled, with_system):
        found = seen.find(messages)
        assert found and (found.of, found.share) == ("row 50", 1.0)
    near = [same[0], {"role": "assistant", "content": same[1]["content"][:-2] + "끝"}]
    alike = seen.find(near)
    assert alike and alike.of == "row 50" and 0.8 <= alike.share < 1


def test_the_threshold_is_kept() -> None:
    """Against the plain definition, for pairs that share more and more."""
    first = row(1)["messages"]

    def triples(messages: list[dict[str, str]]) -> set[str]:
        content = " ".join("\n".join(message["content"] for message in messages).casefold().split())
        return {content[place : place + 3] for place in range(len(content) - 2)}

    for cut in range(40):
        other = [
            first[0],
            {"role": "assistant", "content": first[1]["content"][cut:] + row(2)["messages"][1]["content"][:cut]},
        ]
        one, two = triples(first), triples(other)
        share = len(one & two) / len(one | two)
        seen = SeenRows(0.5)
        seen.add(first, "first")
        found = seen.find(other)
        assert (found is not None) == (share >= 0.5)
        assert found is None or found.share == pytest.approx(share)


def test_short_and_odd_rows_can_be_compared() -> None:
    seen = SeenRows(0.8)
    short = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "😀"}]
    assert seen.find(short) is None
    seen.add(short, "short")
    assert seen.find(short) is not None
    assert seen.find([{"role": "user", "content": "!"}, {"role": "assistant", "content": "😀"}]) is None


def test_many_rows_are_compared_fast() -> None:
    seen = SeenRows(0.8)
    for number in range(3000):
        seen.add(row(number)["messages"], str(number))
    before = time.process_time()
    assert not any(seen.find(row(number)["messages"]) for number in range(5000, 5100))
    assert time.process_time() - before < 2


def test_a_request_is_never_estimated_below_what_it_costs() -> None:
    spending = Spending(100)
    prompt = "가" * 100
    assert spending.estimate(prompt) >= 300 + 100
    assert spending.learn(prompt, Reply("x", False, 60, 20)) == 80
    assert 60 + 100 <= spending.estimate(prompt) < 400
    assert spending.learn(prompt, Reply("x", False, 60, 500)) == 560
    assert spending.estimate(prompt) >= 60 + 500
    assert spending.learn(prompt, Reply("x", False, None, None)) == spending.estimate(prompt)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0), ({"retry-after": "7"}, 7), ({"retry-after": "0.5"}, 0.5), ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5), ({"retry-after": "soon"}, 0), ({"retry-after": "nan"}, 0),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 90), ({"retry-after": "inf"}, 0),
    ],
)  # fmt: skip
def test_retry_after(headers: dict[str, str], seconds: float) -> None:
    assert retry_after_s(headers, 10.0) == seconds


def test_the_system_prompt_that_all_rows_share() -> None:
    system = {"role": "system", "content": "s"}
    user = {"role": "user", "content": "u"}
    assert shared_system_prompt([[system, user], [system]]) == "s"
    assert shared_system_prompt([[system, user], [user]]) is None
    assert shared_system_prompt([[user]]) is None


def test_a_ledger_after_a_crash(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.send(1, 500)
    ledger.accept([row(1)["messages"]], "m")
    ledger.settle(1, 120)
    ledger.send(2, 500)
    ledger.settle(2, 0, "synthesis.try_server_error", "500")
    ledger.send(3, 500)  # never came back
    ledger.refuse("synthesis.reply_empty", {}, "")
    with (tmp_path / "accepted.jsonl").open("ab") as file:
        file.write(b'{"messages": [{"role": "us')
    with (tmp_path / "requests.jsonl").open("ab") as file:
        file.write(b'{"number": 4')
    reader = Ledger(tmp_path)  # while somebody else still writes
    assert len(reader.rows) == 1
    mend(tmp_path)
    again = Ledger(tmp_path)
    assert (again.tokens, again.replies, again.last_number) == (620, 1, 3)
    assert dict(again.refused) == {"synthesis.reply_empty": 1} and dict(again.failed) == {
        "synthesis.try_server_error": 1
    }
    again.accept([row(2)["messages"]], "m")
    lines = [json.loads(line) for line in (tmp_path / "accepted.jsonl").read_text("utf-8").splitlines()]
    assert lines == [one | {"synthetic": True, "source_model": "m"} for one in (row(1), row(2))]
