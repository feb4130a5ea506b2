"""The files of a tokenizer, kept byte for byte: what a model is saved with says what the base said.

transformers writes a tokenizer anew: under another class, and without the sentencepiece file. The converter to GGUF goes by
both (Phi-4 by the class, Phi-3 and Llama 2 by the file), so the files are copied instead.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
)


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy the tokenizer's files byte for byte, with the chat template in one place only.

    A template may stand in tokenizer_config.json and in chat_template.jinja; transformers reads the second, the converter
    the first. Only what transformers reads is kept, so that both mean the same.
    """
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    config_file = target / "tokenizer_config.json"
    if (target / "chat_template.jinja").is_file() and config_file.is_file():
        config = json.loads(config_file.read_text(encoding="utf-8"))
        if config.pop("chat_template", None) is not None:
            config_file.write_text(json.dumps(config, ensure_ascii=False, indent=2), encoding="utf-8")


def tokenizer_folder(model: Path, adapter: Path | None) -> Path:
    """Return where the tokenizer of `model` with `adapter` is read from: the adapter's own, unless it is the model's.

    A copy of the model's is not read: beside a config.json transformers may choose another class for the same files.
    """
    if adapter is None or not (adapter / "tokenizer.json").is_file():
        return model
    own = [name for name in TOKENIZER_FILES if (adapter / name).is_file()]
    same = all(
        (model / name).is_file() and (model / name).read_bytes() == (adapter / name).read_bytes() for name in own
    )
    return model if same else adapter
