"""A tokenizer's files stay as they are, and a copy of the model's is not read in its place."""

from __future__ import annotations

from pathlib import Path

from mactuner_core.models.tokenizer_files import copy_tokenizer, tokenizer_folder


def test_an_adapter_with_a_copy_of_the_models_tokenizer_is_read_with_the_models(tmp_path: Path) -> None:
    model, adapter = tmp_path / "model", tmp_path / "adapter"
    for folder in (model, adapter):
        folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "tokenizer.model"):
        (model / name).write_bytes(b'{"tokenizer_class": "GPT2Tokenizer"}\r\n')
    assert tokenizer_folder(model, None) == tokenizer_folder(model, adapter) == model
    copy_tokenizer(model, adapter)
    assert (adapter / "tokenizer.model").read_bytes() == (model / "tokenizer.model").read_bytes()
    assert tokenizer_folder(model, adapter) == model
    (adapter / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    assert tokenizer_folder(model, adapter) == adapter
