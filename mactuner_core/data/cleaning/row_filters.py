"""What each row step leaves out. Every filter takes the rows in order and gives the rows that stay, and why others do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from mactuner_core.data.cleaning.languages import language_of
from mactuner_core.data.cleaning.near import comparables, near_duplicates, numbers_of
from mactuner_core.data.cleaning.row_steps import (
    ExactDuplicates,
    Language,
    MissingValues,
    NearDuplicates,
    RowStep,
    TokenLength,
)
from mactuner_core.data.row_text import texts
from mactuner_core.data.rows import Example, Rejected
from mactuner_core.errors import InputError

TOKEN_BATCH = 2000  # texts given to the tokenizer at once


@dataclass(frozen=True)
class CleanContext:
    """What steps need beside the rows: the folder of the chosen model's tokenizer, for `token_length`."""

    tokenizer_path: Path | None = None


def filter_rows(examples: list[Example], step: RowStep, context: CleanContext) -> Iterator[Example | Rejected]:
    """Yield for each example, in order, the example (filled, if that is the step) or why it is left out."""
    if isinstance(step, MissingValues):
        return _missing(examples, step)
    if isinstance(step, ExactDuplicates):
        return _exact(examples, step)
    if isinstance(step, NearDuplicates):
        return _near(examples, step)
    if isinstance(step, TokenLength):
        return _tokens(examples, step, context)
    return _language(examples, step)


def left_out(example: Example, step: str, reason: str, **values: object) -> Rejected:
    """Return `example` as left out by `step`."""
    return Rejected(example.line, f"cleaning.left_out_{reason}", {"step": step, **values})


def _missing(examples: Iterable[Example], step: MissingValues) -> Iterator[Example | Rejected]:
    words = {word.strip().lower() for word in step.empty_words.split(",")} | {""}

    def is_empty(value: object) -> bool:
        return value is None or (isinstance(value, str) and value.strip().lower() in words)

    for example in examples:
        place = _empty_place(example, is_empty)
        if not place:
            yield example
        elif step.action == "drop" or place == "row":
            yield left_out(example, step.step, "missing", place=place)
        else:
            yield _filled(example, is_empty, step.fill_text)


def _empty_place(example: Example, is_empty: Callable[[object], bool]) -> str:
    """Return the role or field that is empty, "row" when there is nothing at all, and "" when all is there."""
    for message in example.messages:
        if _lacks(message, is_empty):
            return str(message.get("role"))
    for side in ("chosen", "rejected"):
        if side in example.other and (not example.other[side] or any(_lacks(m, is_empty) for m in example.other[side])):
            return side if example.other[side] else "row"
    if "text" in example.other and is_empty(example.other["text"]):
        return "text"
    return "" if example.messages or "text" in example.other or "chosen" in example.other else "row"


def _lacks(message: dict[str, Any], is_empty: Callable[[object], bool]) -> bool:
    """Tell whether a message has no text and may not be without: a call of a tool needs none, nor a system prompt."""
    return is_empty(message.get("content")) and not message.get("tool_calls") and message.get("role") != "system"


def _filled(example: Example, is_empty: Callable[[object], bool], text: str) -> Example:
    def fill(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [message | {"content": text} if _lacks(message, is_empty) else message for message in messages]

    other = {name: fill(value) if name in ("chosen", "rejected") else value for name, value in example.other.items()}
    if "text" in other and is_empty(other["text"]):
        other["text"] = text
    return replace(example, messages=fill(example.messages), other=other)


def _exact(examples: Iterable[Example], step: ExactDuplicates) -> Iterator[Example | Rejected]:
    seen: dict[bytes, int] = {}
    for example in examples:
        row: object = example.as_row()
        if step.compare == "question" and example.messages:
            asked = [message for message in example.messages if message.get("role") != "assistant"]
            row = {**example.other, "messages": asked, "chosen": None, "rejected": None}
        content = json.dumps(row, ensure_ascii=True, sort_keys=True, default=str)
        key = blake2b(content.encode("ascii"), digest_size=12).digest()
        if key in seen:
            yield left_out(example, step.step, "duplicate", first=seen[key])
        else:
            seen[key] = example.line
            yield example


def _near(examples: list[Example], step: NearDuplicates) -> Iterator[Example | Rejected]:
    keys = comparables(examples)
    labels = [numbers_of(example) for example in examples] if step.same_numbers else None
    twins = near_duplicates(keys, labels, threshold=step.threshold, characters=step.characters)
    del keys, labels
    for position, example in enumerate(examples):
        if twin := twins.get(position):
            first, share = examples[twin.first].line, f"{twin.similarity:.0%}"
            yield left_out(example, step.step, "near_duplicate", first=first, similarity=share)
        else:
            yield example


def _tokens(examples: list[Example], step: TokenLength, context: CleanContext) -> Iterator[Example | Rejected]:
    for example, tokens in zip(examples, count_tokens(examples, context), strict=True):
        if tokens < step.minimum:
            yield left_out(example, step.step, "too_short", tokens=tokens, minimum=step.minimum)
        elif tokens > step.maximum:
            yield left_out(example, step.step, "too_long", tokens=tokens, maximum=step.maximum)
        else:
            yield example


def count_tokens(examples: Iterable[Example], context: CleanContext) -> Iterator[int]:
    """Yield the number of tokens in the texts of each example, without those of the chat template.

    Raises InputError when no tokenizer is chosen or its folder has none that can be read.
    """
    from tokenizers import Tokenizer

    if context.tokenizer_path is None:
        raise InputError("cleaning.no_tokenizer")
    path = context.tokenizer_path / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as problem:  # the library raises bare Exception for a missing and for a broken file
        raise InputError("cleaning.bad_tokenizer", path=path, reason=problem) from problem
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def counted(sizes: list[int], batch: list[str]) -> Iterator[int]:
        lengths = [len(encoding) for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False)]
        position = 0
        for size in sizes:
            yield sum(lengths[position : position + size])
            position += size

    sizes: list[int] = []
    batch: list[str] = []
    for example in examples:
        before = len(batch)
        batch += texts(_without_instruction(example))
        sizes.append(len(batch) - before)
        if len(batch) >= TOKEN_BATCH:
            yield from counted(sizes, batch)
            sizes, batch = [], []
    yield from counted(sizes, batch)


def _without_instruction(example: Example) -> Example:
    """Return the example without its instruction, which stands in its messages too."""
    if "instruction" not in example.other:
        return example
    other = {name: value for name, value in example.other.items() if name != "instruction"}
    return Example(example.line, example.messages, other)


def _language(examples: Iterable[Example], step: Language) -> Iterator[Example | Rejected]:
    wanted = {name for name in ("korean", "latin", "japanese", "chinese", "other") if getattr(step, name)}
    for example in examples:
        found = language_of(_looked_at(example, step))
        if found is None or found in wanted:
            yield example
        else:
            yield left_out(example, step.step, f"language_{found}")


def _looked_at(example: Example, step: Language) -> list[str]:
    roles = ("assistant",) if step.part == "answers" else ("user", "assistant", "tool")
    messages = [*example.messages, *example.other.get("chosen", ()), *example.other.get("rejected", ())]
    said = [message["content"] for message in messages if message.get("role") in roles and message.get("content")]
    return said or list(texts(example))
