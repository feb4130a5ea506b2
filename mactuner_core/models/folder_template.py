"""The chat template of a model folder, ready to render: without transformers, in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.models.template import render

Render = Callable[[Sequence[Mapping[str, Any]]], str]


def folder_renderer(folder: Path) -> Render | None:
    """Return what renders messages as the model in `folder` is trained on them, or None when it has no chat template.

    `chat_template.jinja` wins over `tokenizer_config.json`, as in transformers. Raises InputError when the settings of the
    tokenizer cannot be read.
    """
    settings = _settings(folder / "tokenizer_config.json")
    template = settings.get("chat_template")
    if isinstance(template, list):  # several by name
        template = {str(each.get("name")): each.get("template") for each in template}.get("default")
    if (folder / "chat_template.jinja").is_file():
        template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    if not isinstance(template, str):
        return None
    bos_token, eos_token = _content(settings.get("bos_token")), _content(settings.get("eos_token"))
    return partial(render, template, add_generation_prompt=False, bos_token=bos_token, eos_token=eos_token)


def _settings(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise InputError("statistics.broken_tokenizer", path=file, reason=problem) from problem
    return found if isinstance(found, dict) else {}


def _content(token: object) -> str | None:
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None
