"""The texts a person wrote in a row, wherever they stand in it: read all, or edit all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from mactuner_core.data.rows import Example


def texts(example: Example) -> Iterator[str]:
    """Yield the content of every message, the plain text, and both sides of a preference pair."""
    for messages in (example.messages, example.other.get("chosen", ()), example.other.get("rejected", ())):
        for message in messages:
            if isinstance(message.get("content"), str):
                yield message["content"]
    if "text" in example.other:
        yield example.other["text"]


def edit_texts(example: Example, edit: Callable[[str], str]) -> Example:
    """Return the example with `edit` applied to each of its texts; line, order and other fields stay."""
    other = dict(example.other)
    for side in ("chosen", "rejected"):
        if side in other:
            other[side] = [_edited(message, edit) for message in other[side]]
    if "text" in other:
        other["text"] = edit(other["text"])
    return replace(example, messages=[_edited(message, edit) for message in example.messages], other=other)


def _edited(message: dict[str, Any], edit: Callable[[str], str]) -> dict[str, Any]:
    content = message.get("content")
    return message | {"content": edit(content)} if isinstance(content, str) else message
