"""The texts a person wrote in a row, wherever they stand in it: read all, or edit all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from mactuner_core.data.rows import Example

WRITTEN_FIELDS = ("text", "instruction")


def texts(example: Example) -> Iterator[str]:
    """Yield the content of every message, both sides of a preference pair, the plain text, and a chat's instruction."""
    for messages in (example.messages, example.other.get("chosen", ()), example.other.get("rejected", ())):
        for message in messages:
            if isinstance(message.get("content"), str):
                yield message["content"]
    for name in WRITTEN_FIELDS:
        if name in example.other:
            yield example.other[name]


def edit_texts(example: Example, edit: Callable[[str], str]) -> Example:
    """Return the example with `edit` applied to each of its texts, in the order of `texts`; all else stays."""
    messages = [_edited(message, edit) for message in example.messages]
    other = dict(example.other)
    for side in ("chosen", "rejected"):
        if side in other:
            other[side] = [_edited(message, edit) for message in other[side]]
    for name in WRITTEN_FIELDS:
        if name in other:
            other[name] = edit(other[name])
    return replace(example, messages=messages, other=other)


def _edited(message: dict[str, Any], edit: Callable[[str], str]) -> dict[str, Any]:
    content = message.get("content")
    return message | {"content": edit(content)} if isinstance(content, str) else message
