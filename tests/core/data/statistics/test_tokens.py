"""Tokens: what training sees, counted without rendering every row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.data.statistics import tokens as tokens_module
from mactuner_core.data.statistics.compute import compute
from mactuner_core.data.statistics.select import cut_by, refused_rows, rows_cut, rows_in
from mactuner_core.errors import InputError
from mactuner_core.models.folder_template import folder_renderer
from tests.conftest import SAMPLES
from tests.core.data.statistics.conftest import chat


def test_words_and_what_the_template_adds(words_tokenizer: Path) -> None:
    rows: list[dict[str, Any]] = [
        chat("하나 둘", "셋"),  # 3 words, 2 messages of 3 more tokens
        chat("가 나 다", "라", "마", "바 사", system="아"),  # 8 words, 5 messages
        {"text": "넷 다섯 여섯"},  # no template
        {"text": ""},
    ]
    found = compute(rows, tokenizer_folder=words_tokenizer, render=folder_renderer(words_tokenizer))
    figures = found.figures("tokens")
    assert figures is not None
    assert found.parts["tokens"].arrays["tokens"].tolist() == [9, 23, 3, 0]
    assert (figures["content"], figures["tokens"]["total"]) == (14, 35)
    assert (figures["template"], figures["template_error"], figures["refused"]) == (True, 0, 0)
    assert {part["name"]: part["tokens"] for part in figures["parts"]} == {
        "user": 6,
        "assistant": 4,
        "system": 1,
        "text": 3,
    }
    assert cut_by(found, 9) == {"max_length": 9, "rows": 1, "share": 0.25, "tokens_share": 14 / 35}
    assert cut_by(found, 8)["rows"] == 2 and cut_by(found, 23)["rows"] == 0
    assert rows_cut(found, 8) == [0, 1]
    assert rows_in(found, "tokens", 0) == [3]


def test_without_a_template_only_the_texts_count(words_tokenizer: Path) -> None:
    found = compute([chat("하나 둘", "셋")], tokenizer_folder=words_tokenizer)
    assert found.parts["tokens"].arrays["tokens"].tolist() == [3]
    assert found.as_dict()["tokens"]["template"] is False


def test_equal_to_the_tokenised_rendering(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from tests.tiny_models import write_tokenizer

    write_tokenizer(tmp_path / "model")
    rows = [json.loads(line) for line in (SAMPLES / "big_five_chatml.jsonl").read_text(encoding="utf-8").splitlines()]
    rows += [chat("한 줄", "답", "또", "그래"), chat("  앞뒤 ", "\n줄\n")]
    found = compute(rows, tokenizer_folder=tmp_path / "model", render=folder_renderer(tmp_path / "model"))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    wanted = [
        len(tokenizer.apply_chat_template(row["messages"], return_dict=False)) - 1 for row in rows
    ]  # the last "\n"
    assert found.parts["tokens"].arrays["tokens"].tolist() == wanted


def test_chunks_do_not_matter(words_tokenizer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [chat(*["말 " * (number % 7 + 1)] * (2 + number % 3)) for number in range(50)] + [{"other": 1}] * 3
    whole = compute(rows, tokenizer_folder=words_tokenizer).parts["tokens"]
    monkeypatch.setattr(tokens_module, "CHUNK_TEXTS", 3)
    cut = compute(rows, tokenizer_folder=words_tokenizer).parts["tokens"]
    assert cut.figures == whole.figures
    assert cut.arrays["tokens"].tolist() == whole.arrays["tokens"].tolist()


def test_orders_beyond_the_rendered_ones_are_estimated(words_tokenizer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "RENDERED_ORDERS", 3)
    rows = [chat(*["말"] * (2 * number)) for number in range(1, 8)]
    found = compute(rows, tokenizer_folder=words_tokenizer, render=folder_renderer(words_tokenizer))
    assert found.parts["tokens"].arrays["tokens"].tolist() == [8 * number for number in range(1, 8)]


def test_rows_that_the_template_refuses_are_named(words_tokenizer: Path) -> None:
    def no_system(messages: Sequence[dict[str, Any]]) -> str:
        if messages[0]["role"] == "system":
            raise InputError("template.refused", reason="no system")
        return " ".join(message["content"] for message in messages)

    rows = [chat("가", "나"), chat("다", "라", system="마")]
    found = compute(rows, tokenizer_folder=words_tokenizer, render=no_system)
    assert refused_rows(found) == [1]
    assert found.parts["tokens"].arrays["tokens"].tolist() == [2, 3]
    assert "no system" in found.as_dict()["tokens"]["refused_reason"]


def test_no_rows(words_tokenizer: Path) -> None:
    found = compute([], tokenizer_folder=words_tokenizer, render=folder_renderer(words_tokenizer))
    assert cut_by(found, 1) == {"max_length": 1, "rows": 0, "share": 0.0, "tokens_share": 0.0}


def test_a_folder_without_tokenizer_or_with_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as missing:
        compute([], tokenizer_folder=tmp_path)
    assert missing.value.code == "statistics.no_tokenizer"
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError) as broken:
        compute([], tokenizer_folder=tmp_path)
    assert broken.value.code == "statistics.broken_tokenizer"


def test_the_template_of_a_folder(tmp_path: Path) -> None:
    assert folder_renderer(tmp_path) is None
    settings = {
        "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "{{ eos_token }}D"}]
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings | {"eos_token": "</s>"}), encoding="utf-8")
    render = folder_renderer(tmp_path)
    assert render is not None and render([]) == "</s>D"
    (tmp_path / "chat_template.jinja").write_text("J", encoding="utf-8")
    render = folder_renderer(tmp_path)
    assert render is not None and render([]) == "J"
    (tmp_path / "tokenizer_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError):
        folder_renderer(tmp_path)
