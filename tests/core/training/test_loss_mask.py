"""The model learns exactly what the assistant says and where it stops, whatever the template."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.errors import InputError
from mactuner_core.training.loss_mask import IGNORED, Example, RowProblemError, build_examples, check_tokenizer
from tests.core.training.tokenizers import tokenizer

QUESTION = {"role": "user", "content": "계약은 언제 성립하나요? 😀"}
ANSWER = {"role": "assistant", "content": "청약과 승낙이 합치할 때입니다 👍.\n\n둘째 줄."}
THEN = {"role": "user", "content": "And who decides?"}
LAST = {"role": "assistant", "content": "The court."}
SYSTEM = {"role": "system", "content": "Answer from the Civil Act."}
ONE = [QUESTION, ANSWER]
TWO = [QUESTION, ANSWER, THEN, LAST]


def learned(fast: Any, example: Example) -> list[str]:
    """Return the texts of the unbroken stretches that the model learns."""
    stretches: list[list[int]] = [[]]
    for token, label in zip(example.input_ids, example.labels, strict=True):
        if label == IGNORED:
            stretches.append([])
        else:
            assert label == token
            stretches[-1].append(token)
    return [fast.decode(stretch) for stretch in stretches if stretch]


def whole_text(fast: Any, example: Example) -> str:
    return str(fast.decode(example.input_ids))


@pytest.mark.parametrize(
    ("name", "end", "before"),
    [
        ("chatml", "<|im_end|>", ""),
        ("generation_marks", "<|im_end|>", ""),
        ("open_thinking", "<|im_end|>", ""),
        ("llama3", "<|eot_id|>", ""),
        ("gemma", "<end_of_turn>", ""),
        ("mistral", "</s>", ""),
        ("phi3", "<|end|>", ""),
        ("qwen3", "<|im_end|>", "<think>\n\n</think>\n\n"),
        ("no_end_mark", "</s>", ""),
    ],
)
def test_one_turn_learns_the_answer_and_its_end(name: str, end: str, before: str) -> None:
    fast = tokenizer(name)
    examples = build_examples(fast, ONE)
    assert len(examples) == 1
    said = learned(fast, examples[0])
    assert len(said) == 1
    assert said[0] == before + ANSWER["content"] + end


@pytest.mark.parametrize(
    ("name", "end"), [("chatml", "<|im_end|>"), ("llama3", "<|eot_id|>"), ("mistral", "</s>"), ("phi3", "<|end|>")]
)
def test_every_turn_of_a_stable_template_is_learned_in_one_example(name: str, end: str) -> None:
    fast = tokenizer(name)
    examples = build_examples(fast, TWO)
    assert len(examples) == 1
    assert [said.strip() for said in learned(fast, examples[0])] == [ANSWER["content"] + end, LAST["content"] + end]


def test_a_template_that_rewrites_earlier_turns_makes_one_example_for_each_turn() -> None:
    fast = tokenizer("qwen3")
    thought = {"role": "assistant", "content": "<think>\nwell\n</think>\n\nYes."}
    examples = build_examples(fast, [QUESTION, thought, THEN, LAST])
    assert [learned(fast, example) for example in examples] == [
        ["<think>\nwell\n</think>\n\nYes.<|im_end|>"],
        ["<think>\n\n</think>\n\nThe court.<|im_end|>"],
    ]
    assert "well" not in whole_text(fast, examples[1])


def test_the_text_is_what_the_template_writes_with_no_token_added() -> None:
    fast = tokenizer("llama3")
    example = build_examples(fast, [SYSTEM, *TWO])[0]
    assert whole_text(fast, example) == fast.apply_chat_template([SYSTEM, *TWO], tokenize=False).rstrip()
    assert example.input_ids.count(fast.bos_token_id) == 1


def test_a_tokenizer_that_adds_bos_by_itself_does_not_double_it() -> None:
    fast = tokenizer("mistral", adds_bos=True)
    assert fast("x")["input_ids"][0] == fast.bos_token_id
    example = build_examples(fast, ONE)[0]
    assert example.input_ids.count(fast.bos_token_id) == 1


def test_the_mask_agrees_with_the_templates_own_marks_but_for_the_end_of_the_turn() -> None:
    fast = tokenizer("generation_marks")
    theirs = fast.apply_chat_template(TWO, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    example = build_examples(fast, TWO)[0]
    assert example.input_ids == theirs["input_ids"][:-1]  # without the last line break
    ends = [i for i, token in enumerate(example.input_ids) if token == fast.convert_tokens_to_ids("<|im_end|>")]
    ours = [int(label != IGNORED) for label in example.labels]
    differences = [i for i, (a, b) in enumerate(zip(ours, theirs["assistant_masks"][:-1], strict=True)) if a != b]
    assert differences == [ends[1], ends[3]]


def test_letters_in_parts_are_learned_whole() -> None:
    fast = tokenizer("chatml")
    parts = unicodedata.normalize("NFD", "한글")
    example = build_examples(fast, [QUESTION, {"role": "assistant", "content": parts}])[0]
    assert learned(fast, example) == [parts + "<|im_end|>"]


def test_what_follows_the_last_answer_is_not_kept() -> None:
    fast = tokenizer("chatml")
    example = build_examples(fast, [*ONE, THEN])[0]
    assert THEN["content"] not in whole_text(fast, example)


def test_the_same_words_in_question_and_answer_are_told_apart() -> None:
    fast = tokenizer("chatml")
    example = build_examples(fast, [{"role": "user", "content": "yes"}, {"role": "assistant", "content": "yes"}])[0]
    assert learned(fast, example) == ["yes<|im_end|>"]
    assert sum(label != IGNORED for label in example.labels[: len(example.labels) // 2]) == 0


@pytest.mark.parametrize(
    ("name", "messages", "code"),
    [
        ("chatml", [QUESTION], "training.row_no_assistant"),
        ("no_system", [SYSTEM, *ONE], "training.system_dropped"),
        ("gemma", [SYSTEM, *ONE], "training.row_refused"),
        ("gemma", [QUESTION, THEN, ANSWER], "training.row_refused"),
    ],
)
def test_a_row_that_cannot_be_learned_says_why(name: str, messages: list[dict[str, str]], code: str) -> None:
    with pytest.raises(RowProblemError) as raised:
        build_examples(tokenizer(name), messages)
    assert raised.value.problem.code == code
    for language in ("ko", "en"):
        assert raised.value.problem.text(language)


def test_a_model_without_a_template_is_refused() -> None:
    fast = tokenizer("chatml")
    fast.chat_template = None
    with pytest.raises(InputError, match="instruct"):
        check_tokenizer(fast)


def test_the_shipped_starter_template_is_learned_exactly(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from mactuner_core.models.starter import save_tokenizer

    save_tokenizer(tmp_path, ["계약은 청약과 승낙"] * 3, 300)
    fast = AutoTokenizer.from_pretrained(tmp_path)
    assert learned(fast, build_examples(fast, ONE)[0]) == [ANSWER["content"] + "<|im_end|>"]
