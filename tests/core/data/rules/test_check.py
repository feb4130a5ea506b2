"""What each rule lets pass and what it does not, and that no pattern can hang the check."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.data.given import file_rows
from mactuner_core.data.rows import Example, Rejected
from mactuner_core.data.rules.check import RuleReport, check
from mactuner_core.data.rules.report_file import write_failed, write_report
from mactuner_core.data.rules.ruleset import RuleSet
from mactuner_core.errors import InputError
from tests.conftest import SAMPLES


def chat(*contents: str, system: str = "") -> Example:
    roles = ("user", "assistant") * len(contents)
    messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=False)]
    return Example(1, ([{"role": "system", "content": system}] if system else []) + messages)


def codes(rules: dict[str, Any], *rows: Example | Rejected) -> list[list[str]]:
    report = check(rows, RuleSet.check(rules))
    for result in report.failed:
        assert all(failure.broken.text("ko") and failure.broken.text("en") for failure in result.failures)
    return [[failure.broken.code.removeprefix("rules.") for failure in result.failures] for result in report.results]


REPORT = "\n\n".join(f"## {name}\n좋습니다." for name in ("개방성", "성실성", "종합 의견"))
SECTIONS = {"headings": ["개방성", "성실성", "종합 의견"]}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (REPORT, []),
        (REPORT.replace("\n", "  \n"), []),
        ("머리말\n" + REPORT + "\n끝", []),
        (REPORT.replace("## 성실성\n", ""), ["section_missing"]),
        (REPORT.replace("성실성", "정직성"), ["section_missing", "section_unknown"]),
        (REPORT.replace("개방성", "X").replace("성실성", "개방성").replace("X", "성실성"), ["section_order"]),
        (REPORT + "\n## 개방성\n또", ["section_twice"]),
        (REPORT.replace("## 성실성\n좋습니다.", "## 성실성\n \n"), ["section_empty"]),
        (REPORT.removesuffix("좋습니다."), ["section_empty"]),
        (REPORT + "\n## 부록\n덧붙임", ["section_unknown"]),
        (REPORT.replace("##", "#"), ["section_missing"] * 3),
        ("", ["section_missing"] * 3),
    ],
)
def test_sections(answer: str, expected: list[str]) -> None:
    assert codes({"sections": SECTIONS}, chat("질문", answer)) == [expected]


def test_sections_of_the_first_answer_only() -> None:
    row = chat("질문", REPORT, "그리고?", "짧은 답")
    assert codes({"sections": SECTIONS | {"which": "first"}}, row) == [[]]
    assert codes({"sections": SECTIONS}, row) == [["section_missing"] * 3]


@pytest.mark.parametrize(
    ("turns", "roles", "fits"),
    [
        ("system? (user assistant)+", "system user assistant", True),
        ("system? (user assistant)+", "user assistant user assistant", True),
        ("system? (user assistant)+", "user user assistant", False),
        ("system? (user assistant)+", "system", False),
        ("system? (user assistant)+", "user assistant user", False),
        ("system (user assistant)+", "user assistant", False),
        ("user (assistant | assistant tool assistant)", "user assistant tool assistant", True),
        ("(user+ assistant+)*", "user user assistant", True),
        ("user assistant", "user unheard", False),
        ("text", "text", True),
    ],
)
def test_turns(turns: str, roles: str, fits: bool) -> None:
    messages = [{"role": role, "content": "x"} for role in roles.split()]
    assert codes({"turns": turns}, Example(1, messages)) == [[] if fits else ["turns"]]


def test_expressions() -> None:
    row = chat("진단해 주세요", "네, ADHD입니다. 010-1234-5678")
    assert codes({"forbidden": "진단"}, row) == [[]]
    assert codes({"forbidden": [{"text": "진단", "roles": ["user", "assistant"]}]}, row) == [["forbidden"]]
    assert codes({"forbidden": ["adhd", {"text": "adhd", "ignore_case": True}]}, row) == [["forbidden"]]
    assert codes({"forbidden": [{"regex": r"01\d-\d{4}"}, {"regex": "^ADHD"}]}, row) == [["forbidden"]]
    assert codes({"required": ["네", {"regex": "(?i)Adhd"}, "없는 말"]}, row) == [["required"]]
    assert codes({"required": {"text": "x", "roles": ["system"]}}, row) == [["no_message"]]


def test_length_in_characters_and_tokens() -> None:
    row = chat("하나", "가나다라마")
    assert codes({"length": {"min_characters": 6}}, row) == [["too_few_characters"]]
    assert codes({"length": {"max_characters": 4}}, row) == [["too_many_characters"]]
    assert codes({"length": {"min_characters": 5, "max_characters": 5}}, row) == [[]]
    rules = RuleSet.check({"length": {"max_tokens": 4}})
    assert check([row], rules, len).failed[0].failures[0].broken.code == "rules.too_many_tokens"
    with pytest.raises(InputError, match="--model"):
        check([row], rules)


def test_language_by_script() -> None:
    rules = {"language": [{"language": "ko", "min_share": 0.7}, {"language": "zh", "max_share": 0}]}
    assert codes(rules, chat("q", "한국어로 답합니다. OK?")) == [[]]
    assert codes(rules, chat("q", "This is English 답")) == [["language_too_little"]]
    assert codes(rules, chat("q", "한국어로 답하다가 中文이 섞였습니다")) == [["language_too_much"]]
    assert codes(rules, chat("q", "123 !?")) == [[]]
    assert codes({"language": {"language": "en", "min_share": 0.9}}, chat("q", "Café, naïve!")) == [[]]


def test_json_answers() -> None:
    schema = {"type": "object", "required": ["점수"], "properties": {"점수": {"type": "integer", "maximum": 100}}}
    rules = {"json_answers": {"json_schema": schema}}
    rows = ['{"점수": 82}', '{"점수": 182}', "{}", '{"점수": 82', "[1]", "NaN", "", "[" * 100_000]
    found = codes(rules, *[chat("q", row) for row in rows])
    assert found == [[], *[["json_misfit"]] * 2, ["bad_json"], ["json_misfit"], *[["bad_json"]] * 3]
    assert codes({"json_answers": {}}, chat("q", "[1, 2]"), chat("q", "말")) == [[], ["bad_json"]]


def test_a_schema_that_points_at_itself_ends() -> None:
    rules = {"json_answers": {"json_schema": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}}}
    assert codes(rules, chat("q", "1")) == [["json_misfit"]]


@pytest.mark.parametrize(
    "rules",
    [
        {"forbidden": {"regex": "(x+x+)+y"}},
        {"required": {"regex": "(([a-z])+.)+[A-Z]([a-z])+$"}},
        {"json_answers": {"json_schema": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}}},
    ],
)
def test_a_pattern_that_would_run_for_ever_is_stopped_and_named(rules: dict[str, Any]) -> None:
    before = time.process_time()
    with pytest.raises(InputError) as caught:
        check([chat("q", '"' + "x" * 3000 + '"')], RuleSet.check(rules))
    assert caught.value.code == "rules.pattern_too_slow"
    assert time.process_time() - before < 10


def test_rows_that_are_no_chat() -> None:
    rules = {"forbidden": {"text": "나쁜 말", "roles": ["assistant", "text"]}, "turns": "text | user assistant"}
    sides = {"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "나쁜 말"}], "rejected": []}
    rows = [Example(1, [], {"text": "나쁜 말"}), Example(2, [], sides), Example(3, [], {"text": "좋은 말"})]
    assert codes(rules, *rows) == [["forbidden"], ["forbidden"], []]
    unreadable = Rejected(4, "data.row_not_object", {"found": "list"})
    assert check([unreadable], RuleSet.check(rules)).broken["readable"] == 1


@pytest.fixture(scope="module")
def sample() -> tuple[list[Example], RuleSet]:
    rows = [row for row in file_rows(SAMPLES / "big_five_chatml.jsonl") if isinstance(row, Example)]
    return rows, RuleSet.from_yaml(SAMPLES / "big_five_rules.yaml")


def test_the_sample_data_keeps_the_sample_rules(sample: tuple[list[Example], RuleSet]) -> None:
    rows, rules = sample
    report = check(rows, rules)
    assert len(rows) == 45
    assert not report.failed
    assert set(report.broken.values()) == {0}
    assert report.passing(rows) == rows


BREAK = [
    ("turns", lambda m: m[:-1]),
    ("turns", lambda m: [m[1], m[0], *m[2:]]),
    ("sections", lambda m: with_answer(m, lambda a: a.replace("## 우호성", "## 친화성"))),
    ("sections", lambda m: with_answer(m, lambda a: a.split("## 종합 의견")[0])),
    ("의학적 진단", lambda m: with_answer(m, lambda a: a + " 우울증이 의심됩니다.")),
    ("사과와 자기소개", lambda m: with_answer(m, lambda a: a + " 저는 AI라서 모릅니다.")),
    ("아직 채우지 않은 자리", lambda m: with_answer(m, lambda a: a + " [이름]님께")),
    ("개인정보", lambda m: [m[0], {"role": "user", "content": m[1]["content"] + " 010-1234-5678"}, *m[2:]]),
    ("다섯 점수", lambda m: [m[0], {"role": "user", "content": "개방성 82, 성실성 45인데 어떤가요?"}, *m[2:]]),
    ("보고서 길이", lambda m: with_answer(m, lambda a: a + "아주 긴 말. " * 100)),
    ("질문 길이", lambda m: [m[0], {"role": "user", "content": "1 2 3 4 5 " * 60}, *m[2:]]),
    ("한국어 답변", lambda m: with_answer(m, lambda a: a + " This part was not translated into Korean at all.")),
    ("한자 없음", lambda m: with_answer(m, lambda a: a + " 誠實")),
]  # fmt: skip


def with_answer(messages: list[dict[str, str]], change: Any) -> list[dict[str, str]]:
    return [*messages[:2], {"role": "assistant", "content": change(messages[2]["content"])}, *messages[3:]]


@pytest.mark.parametrize(("rule", "change"), BREAK)
def test_a_broken_sample_row_fails_the_right_rule(
    sample: tuple[list[Example], RuleSet], rule: str, change: Any
) -> None:
    rows, rules = sample
    broken = Example(1, change(rows[0].messages))
    report = check([rows[0], broken], rules)
    assert [result.passed for result in report.results] == [True, False]
    assert report.broken[rule] == 1


def test_the_report_as_table_and_files(tmp_path: Path) -> None:
    rules = RuleSet.check({"forbidden": [{"text": "나쁜", "name": "욕"}], "length": {"max_characters": 5}})
    rows: list[Example | Rejected]
    rows = [chat("q", "좋다"), chat("q", "=나쁜 말입니다"), Rejected(3, "data.row_not_object", {"found": "list"})]
    report = check(rows, rules, splits={1: "train", 3: "validation"})
    assert report.table()[1] == {
        "row": 2, "split": "train", "line": 1, "passed": False, "readable": True, "욕": False, "length": False,
    }  # fmt: skip
    assert report.as_dict()["rules"] == {"readable": 1, "욕": 1, "length": 1}
    assert isinstance(report, RuleReport) and report.results[2].split == "validation"

    write_report(report, tmp_path / "all.csv")
    lines = list(csv.DictReader((tmp_path / "all.csv").read_text("utf-8-sig").splitlines()))
    assert [line["passed"] for line in lines] == ["pass", "fail", "fail"]
    assert lines[1]["욕"] == "fail" and "나쁜" in lines[1]["reasons"]
    write_report(report, tmp_path / "all.jsonl")
    assert [json.loads(line)["passed"] for line in (tmp_path / "all.jsonl").open()] == [True, False, False]
    write_failed(report, rows, tmp_path / "failed.jsonl")
    failed = [json.loads(line) for line in (tmp_path / "failed.jsonl").open()]
    assert failed[0]["content"]["messages"][1]["content"] == "=나쁜 말입니다" and failed[1]["content"] is None
    write_failed(report, rows, tmp_path / "failed.csv")
    assert len((tmp_path / "failed.csv").read_text("utf-8-sig").splitlines()) == 3
