"""Steps over rows: what is left out and why, in which order, and that a preview shows what then happens."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from pathlib import Path

import pytest

from mactuner_core.data.cleaning.clean import CleanResult, clean, preview
from mactuner_core.data.cleaning.row_filters import CleanContext
from mactuner_core.data.cleaning.steps import STEPS, read_steps, title
from mactuner_core.data.kakaotalk.pairs import ChatExample
from mactuner_core.data.rows import Example
from mactuner_core.errors import ConfigError, InputError
from mactuner_core.messages import LANGUAGES
from tests.core.data.cleaning.rows_of import answers, messy_rows, pair, said

NFKC: dict[str, object] = {"step": "unicode", "form": "NFKC"}
EVERY_STEP: list[dict[str, object]] = [{"step": name} for name in STEPS if name != "token_length"]


def run(rows: list[Example], *steps: dict[str, object], tokenizer: Path | None = None) -> CleanResult:
    return clean(rows, read_steps(list(steps)), CleanContext(tokenizer))


def lines(result: CleanResult) -> list[int]:
    return [row.line for row in result.examples]


def test_the_messy_sample_becomes_clean() -> None:
    rows = messy_rows()
    result = run(rows, NFKC, *EVERY_STEP)
    texts = [content for row in result.examples for content in said(row)]
    assert all(content == content.strip() and content for content in texts)
    assert not [content for content in texts if "<p>" in content or "&nbsp;" in content or "  " in content]
    assert "몇 살부터 유언을 할 수 있나요?" in texts
    assert any("<민법 제689조>에 따라 당사자가 언제든지" in content for content in texts)
    assert any("네, 민법 제449조에" in content for content in texts)
    assert len(result.examples) + len(result.left_out) == len(rows)
    reasons = {row.code for row in result.left_out}
    assert {"cleaning.left_out_missing", "cleaning.left_out_duplicate"} <= reasons
    for row in result.left_out:
        assert all(row.text(language) for language in LANGUAGES)
    assert run(rows, NFKC, *EVERY_STEP) == result


@pytest.mark.parametrize("step", EVERY_STEP, ids=str)
def test_a_preview_is_what_then_happens(step: dict[str, object]) -> None:
    rows = messy_rows()
    [parsed] = read_steps([step])
    effect = preview(rows, parsed)
    result = clean(rows, [parsed])
    assert result.effects == [effect]
    assert (effect.before, effect.after, effect.dropped) == (len(rows), len(result.examples), len(result.left_out))
    kept = {row.line: row for row in rows}
    assert effect.changed == sum(row != kept[row.line] for row in result.examples)
    assert effect.as_dict()["step"] == parsed.model_dump(mode="json")
    assert rows == messy_rows()  # nothing happens to the rows themselves


def test_steps_in_one_pass_do_what_they_do_one_by_one() -> None:
    rows = [*messy_rows(), *answers("<p></p>", "<b>ㅋㅋㅋㅋ</b>&nbsp;", unicodedata.normalize("NFD", "  한글ㅋㅋㅋㅋ"))]
    together = run(rows, *EVERY_STEP)
    one_by_one = rows
    for number, step in enumerate(EVERY_STEP):
        result = run(one_by_one, step)
        assert result.effects[0] == together.effects[number]
        one_by_one = result.examples
    assert one_by_one == together.examples


def test_the_order_is_the_one_given() -> None:
    rows = answers("ㅋㅋㅋㅋ<b>ㅋㅋㅋㅋ</b>")
    cut_first = run(rows, {"step": "repeated_characters"}, {"step": "html"})
    html_first = run(rows, {"step": "html"}, {"step": "repeated_characters"})
    assert said(cut_first.examples[0])[1] == "ㅋㅋㅋㅋ"
    assert said(html_first.examples[0])[1] == "ㅋㅋ"
    without = run(rows, {"step": "html"})  # undone: the recipe without the step
    assert said(without.examples[0])[1] == "ㅋㅋㅋㅋㅋㅋㅋㅋ"


def test_samples_show_the_text_before_and_after() -> None:
    effect = run(answers("ㅋㅋㅋㅋ 하이", "그대로"), {"step": "repeated_characters"}).effects[0]
    assert [(sample.line, sample.before, sample.after) for sample in effect.samples] == [
        (1, "ㅋㅋㅋㅋ 하이", "ㅋㅋ 하이")
    ]
    long = "가나다라" * 500 + "ㅋㅋㅋㅋ"
    [sample] = run(answers(long), {"step": "repeated_characters"}).effects[0].samples
    assert sample.before.endswith("ㅋㅋㅋㅋ") and str(sample.after).endswith("ㅋㅋ")
    assert len(sample.before) < 310


def test_a_text_of_which_nothing_is_left_takes_its_row_out() -> None:
    result = run(answers("<p></p>", "글", "\u200b"), {"step": "html"}, {"step": "special_characters"})
    assert lines(result) == [2]
    assert [(row.line, row.code, row.values["step"]) for row in result.left_out] == [
        (1, "cleaning.left_out_emptied", "html"),
        (3, "cleaning.left_out_emptied", "special_characters"),
    ]
    assert [(effect.before, effect.after) for effect in result.effects] == [(3, 2), (2, 1)]


def test_missing_values_are_left_out_or_filled() -> None:
    tool = Example(9, [{"role": "user", "content": "?"}, {"role": "assistant", "content": "", "tool_calls": "x"}])
    rows = [pair("가", "나", 1), pair("가", " ", 2), pair("NaN", "나", 3), pair("가", "Nancy", 4), tool]
    dropped = run(rows, {"step": "missing_values"})
    assert lines(dropped) == [1, 4, 9]
    assert [row.values["place"] for row in dropped.left_out] == ["assistant", "user"]
    filled = run(rows, {"step": "missing_values", "action": "fill", "fill_text": "모름"})
    assert [said(row) for row in filled.examples][1:3] == [["가", "모름"], ["모름", "나"]]
    assert (filled.effects[0].changed, filled.effects[0].samples[0].after) == (2, "가\n모름")
    other = [Example(1, [], {"text": " "}), Example(2, [], {"chosen": [], "rejected": []}), Example(3, [])]
    assert [row.values["place"] for row in run(other, {"step": "missing_values"}).left_out] == ["text", "row", "row"]
    assert run(other, {"step": "missing_values", "action": "fill", "fill_text": "x"}).examples[0].other == {"text": "x"}


def test_exact_duplicates() -> None:
    rows = [pair("성년?", "19세", 1), pair("성년?", "만 19세", 2), pair("성년?", "19세", 5)]
    result = run(rows, {"step": "exact_duplicates"})
    assert lines(result) == [1, 2]
    assert result.left_out[0].text("en") == "the same as line 1"
    assert lines(run(rows, {"step": "exact_duplicates", "compare": "question"})) == [1]


def test_near_duplicates_name_the_row_they_resemble() -> None:
    rows = [
        pair("유치권이 뭔가요?", "물건에 관하여 생긴 채권을 변제받을 때까지 그 물건을 유치하는 권리입니다.", 3),
        pair("유치권이 뭔가요", "물건에 관하여 생긴 채권을 변제받을 때까지 그 물건을 유치하는 권리에요.", 8),
        pair("저당권이 뭔가요?", "점유를 넘기지 않고 담보로 제공한 부동산에서 우선변제를 받는 권리입니다.", 9),
    ]
    result = run(rows, {"step": "near_duplicates", "threshold": 0.8})
    assert lines(result) == [3, 9]
    assert result.left_out[0].values == {"step": "near_duplicates", "first": 3, "similarity": "87%"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer of one token a word, in a folder as models have it, with truncation left on by whoever saved it."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("model")
    made = Tokenizer(models.WordLevel({"가": 0, "[UNK]": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.enable_truncation(3)
    made.enable_padding(length=3)
    made.save(str(folder / "tokenizer.json"))
    return folder


def test_length_in_tokens(tokenizer: Path) -> None:
    rows = [pair("가", " ".join(["가"] * count), count) for count in (1, 4, 9, 5000)]
    rows[2].other["instruction"] = "가"  # stands in the messages too, and is not counted twice
    result = run(rows, {"step": "token_length", "minimum": 3, "maximum": 10}, tokenizer=tokenizer)
    assert lines(result) == [4, 9]
    assert [row.text("en") for row in result.left_out] == [
        "2 tokens; at least 3 are wanted",
        "5001 tokens; at most 10 are allowed",
    ]


def test_length_in_tokens_needs_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(InputError) as none:
        run(answers("가"), {"step": "token_length"})
    assert none.value.code == "cleaning.no_tokenizer"
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError) as bad:
            run(answers("가"), {"step": "token_length"}, tokenizer=folder)
        assert bad.value.code == "cleaning.bad_tokenizer"


@pytest.mark.parametrize(
    ("answer", "language"),
    [
        ("ㅇㅇ", "korean"),
        ("ㅋㅋㅋㅋ", "korean"),
        ("오늘 API endpoint 배포했어요", "korean"),
        ("[전화번호]로 연락 주세요 https://example.com/aaaaaaaaaaaaaaaaaa", "korean"),
        ("코드입니다:\n```python\nprint('hello world, long long code')\n```", "korean"),
        (unicodedata.normalize("NFD", "한글"), "korean"),
        ("Sure, see you at five", "latin"),
        ("LoRA란 low-rank adaptation of large language models, as described in the paper", "latin"),
        ("明日行きますね", "japanese"),
        ("了解です", "japanese"),
        ("我明天去上海，你呢？", "chinese"),
        ("Привет, как дела?", "other"),
        ("👍 100%", None),
    ],
)
def test_language(answer: str, language: str | None) -> None:
    rows = [Example(1, [{"role": "user", "content": "12?"}, {"role": "assistant", "content": answer}])]
    for name in ("korean", "latin", "japanese", "chinese", "other"):
        choice = {other: other == name for other in ("korean", "latin", "japanese", "chinese", "other")}
        result = run(rows, {"step": "language", **choice})
        assert bool(result.examples) == (language in (None, name))


def test_language_of_the_answers_alone() -> None:
    rows = [
        pair("다음 문장을 영어로 옮겨 주세요: 계약은 무효입니다", "The contract is void.", system="한국어로 답하라")
    ]
    assert run(rows, {"step": "language", "part": "answers"}).examples == []
    assert run(rows, {"step": "language", "part": "all"}).examples == rows


def test_chats_and_other_rows_keep_what_they_are() -> None:
    chat = ChatExample(
        4, pair("ㅋㅋㅋㅋ", "네").messages, {"instruction": "ㅋㅋㅋㅋ"}, time=datetime(2026, 1, 1), session=3
    )
    choice = [{"role": "assistant", "content": "ㅋㅋㅋㅋ"}]
    rows: list[Example] = [
        chat,
        Example(5, [], {"text": "ㅋㅋㅋㅋ"}),
        Example(6, [], {"chosen": choice, "rejected": choice}),
    ]
    cleaned, plain, preference = run(rows, {"step": "repeated_characters"}).examples
    assert isinstance(cleaned, ChatExample)
    assert (cleaned.time, cleaned.session, said(cleaned)) == (chat.time, 3, ["ㅋㅋ", "네"])
    assert cleaned.instruction == "ㅋㅋ"
    assert plain.other == {"text": "ㅋㅋ"}
    assert preference.other["chosen"][0]["content"] == "ㅋㅋ"


def test_no_rows_and_no_steps() -> None:
    assert run([], *EVERY_STEP).examples == []
    assert run(answers("가")).examples == answers("가")


def test_a_recipe_goes_there_and_back() -> None:
    steps = read_steps([*EVERY_STEP, {"step": "token_length"}, {"step": "repeated_characters", "keep": 3}])
    written = [step.model_dump(mode="json") for step in steps]
    assert read_steps(written) == read_steps(steps) == steps
    assert written[-1] == {"step": "repeated_characters", "keep": 3, "keep_ellipsis": True, "keep_code": True}


def test_a_wrong_recipe_names_every_problem() -> None:
    with pytest.raises(ConfigError) as failure:
        read_steps(
            [
                {"step": "repeated_characters", "keep": 0, "kep": 1},
                {"step": "sparkle"},
                "html",
                {"step": "token_length", "minimum": 9, "maximum": 3},
                {"step": "missing_values", "action": "fill"},
            ]
        )
    names = sorted(str(problem.values["name"]) for problem in failure.value.problems)
    assert names == [
        "clean[1].keep",
        "clean[1].kep",
        "clean[2]",
        "clean[3]",
        "clean[4].minimum",
        "clean[5].fill_text",
    ]
    assert all(failure.value.text(language) for language in LANGUAGES)
    for wrong in (None, "html", {"step": "html"}):
        with pytest.raises(ConfigError):
            read_steps(wrong)


def test_every_step_has_a_title() -> None:
    for name in STEPS:
        [step] = read_steps([{"step": name}])
        assert all(title(step, language) for language in LANGUAGES)
