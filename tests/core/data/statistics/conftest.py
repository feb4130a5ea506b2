"""Datasets and tokenizers small enough to count by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.catalog.tables import DatasetVersion

CHATML = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
)
MakeVersion = Callable[..., DatasetVersion]


def chat(*contents: str, system: str | None = None) -> dict[str, Any]:
    """Return a row in which user and assistant take turns."""
    roles = ("user", "assistant")
    said = [{"role": roles[number % 2], "content": content} for number, content in enumerate(contents)]
    return {"messages": [{"role": "system", "content": system}, *said] if system else said}


@pytest.fixture
def make_version(tmp_path: Path) -> MakeVersion:
    """Return what writes a dataset version's folder."""

    def make(train: Sequence[Any], validation: Sequence[Any] = (), name: str = "d") -> DatasetVersion:
        folder = tmp_path / "datasets" / name / "v1"
        folder.mkdir(parents=True)
        for split, rows in (("train", train), ("validation", validation)):
            lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
            (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        (folder / "COMPLETE").touch()
        return DatasetVersion(
            id=f"{name}@1",
            name=name,
            number=1,
            path=str(folder),
            train_rows=len(train),
            validation_rows=len(validation),
            source_name="d.jsonl",
            source_sha256="0" * 64,
            recipe={},
            report={},
        )

    return make


@pytest.fixture
def words_tokenizer(tmp_path: Path) -> Path:
    """Return the folder of a tokenizer with one token a word, and a ChatML template that adds three tokens a message."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken("<|im_start|>"), AddedToken("<|im_end|>")])
    tokenizer.enable_truncation(4)  # what the file says about lengths must not count
    folder = tmp_path / "words-tokenizer"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"chat_template": CHATML, "eos_token": {"content": "<|im_end|>"}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder
