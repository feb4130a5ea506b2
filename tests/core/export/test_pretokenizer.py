import json
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.errors import InputError
from mactuner_core.export import pretokenizer
from tests.tiny_models import QWEN2_REGEX


def tokenizer_json(folder: Path, pre_tokenizer: dict[str, Any] | None, **model: Any) -> Path:
    file = folder / "tokenizer.json"
    file.write_text(json.dumps({"model": {"type": "BPE", **model}, "pre_tokenizer": pre_tokenizer}), encoding="utf-8")
    return file


def split(regex: str, **values: Any) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False} | values


BYTES_ONLY = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}


@pytest.mark.parametrize(
    ("steps", "ignore_merges", "family"),
    [
        ([split(QWEN2_REGEX), BYTES_ONLY], False, "qwen2"),
        ([split(QWEN2_REGEX, behavior="Removed", invert=True), BYTES_ONLY], False, "qwen2"),
        ([split(pretokenizer.LLAMA3), BYTES_ONLY], True, "llama-bpe"),
        ([split(pretokenizer.LLAMA3), BYTES_ONLY], False, "smaug-bpe"),
        ([split(pretokenizer.GPT4O), BYTES_ONLY], False, "gpt-4o"),
        ([GPT2], False, "gpt-2"),
        ([{"type": "Digits", "individual_digits": True}, GPT2], False, "smollm"),
    ],
)
def test_known_families(tmp_path: Path, steps: list[dict[str, Any]], ignore_merges: bool, family: str) -> None:
    file = tokenizer_json(tmp_path, {"type": "Sequence", "pretokenizers": steps}, ignore_merges=ignore_merges)
    assert pretokenizer.family_of(file) == family


@pytest.mark.parametrize(
    "pre_tokenizer",
    [None, split("[a-z]+"), split(QWEN2_REGEX, behavior="MergedWithNext"), GPT2 | {"add_prefix_space": True}],
)
def test_an_unknown_way_of_splitting_is_refused_with_the_known_ones(
    tmp_path: Path, pre_tokenizer: dict[str, Any] | None
) -> None:
    with pytest.raises(InputError) as caught:
        pretokenizer.family_of(tokenizer_json(tmp_path, pre_tokenizer))
    assert caught.value.code == "export.unknown_pretokenizer"
    assert "qwen2" in caught.value.text("en")
    assert str(tmp_path) in caught.value.text("ko")


def test_a_tokenizer_that_is_not_bpe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        pretokenizer.family_of(tokenizer_json(tmp_path, GPT2, type="Unigram"))
