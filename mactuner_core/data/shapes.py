"""What the records of a file mean: chat messages, ShareGPT, Alpaca, question and answer, plain text, preference pairs.

The shape is recognised by the field names of the first records; a question and an answer may also be named by the recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mactuner_core.data.conversations import Unusable, from_messages, from_sharegpt
from mactuner_core.data.recipe import ReadRecipe
from mactuner_core.data.records import Record
from mactuner_core.data.rows import Example, Message, Rejected
from mactuner_core.errors import InputError

Shape = Literal["messages", "sharegpt", "alpaca", "question_answer", "text", "preference"]

QUESTION_NAMES = ("질문", "문의", "물음", "question", "prompt", "query", "instruction", "input", "user", "q", "고객")
ANSWER_NAMES = ("답변", "답", "응답", "대답", "answer", "response", "completion", "output", "assistant", "a", "상담사")
TEXT_NAMES = ("text", "content", "본문", "내용")
ORIGIN = ("synthetic", "source_model")  # a row that a model wrote stays marked as such
SYSTEM_NAMES = ("system", "system_prompt", "시스템")


@dataclass(frozen=True)
class Mapping:
    """The shape of the records and, for question and answer or plain text, the columns that hold them."""

    shape: Shape
    question: str | None = None
    answer: str | None = None


def recognise_shape(path: object, columns: Sequence[str], records: Sequence[Record], recipe: ReadRecipe) -> Mapping:
    """Return what the records are; raises InputError naming the columns when it cannot be told."""
    names = {column.lower(): column for column in reversed(columns)}
    if not recipe.question_column and not recipe.answer_column:
        if any(isinstance(record.fields.get("messages"), list) for record in records):
            return Mapping("messages")
        if any(isinstance(record.fields.get("conversations"), list) for record in records):
            return Mapping("sharegpt")
        if "chosen" in names and "rejected" in names:
            return Mapping("preference", names.get("prompt") or names.get("question"))
        if "instruction" in names and "output" in names:
            return Mapping("alpaca")
        found = next((names[name] for name in TEXT_NAMES if name in names), None)
        if found and not any(name in names for name in ANSWER_NAMES):
            return Mapping("text", found)
    question = _column(path, recipe.question_column, QUESTION_NAMES, columns, "--question-column")
    return Mapping(
        "question_answer", question, _column(path, recipe.answer_column, ANSWER_NAMES, columns, "--answer-column")
    )


def to_example(record: Record, mapping: Mapping, recipe: ReadRecipe) -> Example | Rejected:
    """Return the record as an example, or with the reason why it cannot be one."""
    try:
        return _READERS[mapping.shape](record, mapping, recipe)
    except Unusable as problem:
        return Rejected(record.line, problem.code, problem.values)


def _column(path: object, wanted: str | None, names: Sequence[str], columns: Sequence[str], option: str) -> str:
    if wanted:
        if wanted in columns:
            return wanted
        known = ", ".join(columns)
        raise InputError("data.missing_column", path=path, column=wanted, columns=known, option=option)
    lower = {column.lower(): column for column in reversed(columns)}
    if found := next((lower[name] for name in names if name in lower), None):
        return found
    known = ", ".join(columns)[:300] or "–"
    raise InputError("data.no_known_column", path=path, columns=known, names=", ".join(names[:5]), option=option)


def _messages(record: Record, mapping: Mapping, recipe: ReadRecipe) -> Example | Rejected:
    other = {name: record.fields[name] for name in ORIGIN if name in record.fields}
    if isinstance(record.fields.get("tools"), list):
        other["tools"] = record.fields["tools"]
    return Example(record.line, _with_system(from_messages(record.fields.get("messages")), recipe), other)


def _sharegpt(record: Record, mapping: Mapping, recipe: ReadRecipe) -> Example | Rejected:
    messages = from_sharegpt(record.fields.get("conversations"))
    system = record.fields.get("system")
    if isinstance(system, str) and system.strip() and messages[0]["role"] != "system":
        messages = [{"role": "system", "content": system}, *messages]
    return Example(record.line, _with_system(messages, recipe))


def _alpaca(record: Record, mapping: Mapping, recipe: ReadRecipe) -> Example | Rejected:
    fields = record.fields
    given = fields.get("input")
    instruction = _cell(fields, "instruction")
    question = f"{instruction}\n{given.strip()}" if isinstance(given, str) and given.strip() else instruction
    messages: list[Message] = []
    if isinstance(system := fields.get("system"), str) and system.strip():
        messages.append({"role": "system", "content": system.strip()})
    history = fields.get("history") or []
    if not isinstance(history, list):
        raise Unusable("data.row_bad_history")
    for turn in history:
        if not (isinstance(turn, list) and len(turn) == 2 and all(isinstance(said, str) and said for said in turn)):
            raise Unusable("data.row_bad_history")
        messages += _turn(*turn)
    return Example(record.line, _with_system(messages + _turn(question, _cell(fields, "output")), recipe))


def _question_answer(record: Record, mapping: Mapping, recipe: ReadRecipe) -> Example | Rejected:
    said = [_cell(record.fields, str(column)) for column in (mapping.question, mapping.answer)]
    system = next((record.fields[name] for name in SYSTEM_NAMES if isinstance(record.fields.get(name), str)), "")
    messages: list[Message] = [{"role": "system", "content": system.strip()}] if system.strip() else []
    return Example(record.line, _with_system(messages + _turn(*said), recipe))


def _text(record: Record, mapping: Mapping, recipe: ReadRecipe) -> Example | Rejected:
    return Example(record.line, [], {"text": _cell(record.fields, str(mapping.question))})


def _preference(record: Record, mapping: Mapping, recipe: ReadRecipe) -> Example | Rejected:
    """Sides as a list of messages, or as the answer to the prompt."""
    sides: dict[str, list[Message]] = {}
    prompt = record.fields.get(mapping.question) if mapping.question else None
    start = from_messages(prompt, any_end=True) if isinstance(prompt, list) else []
    if isinstance(prompt, str) and prompt.strip():
        start = [{"role": "user", "content": prompt.strip()}]
    for side in ("chosen", "rejected"):
        value = record.fields.get(side)
        if isinstance(value, list):
            messages = from_messages(value)
            sides[side] = messages if len(messages) > 1 or not start else start + messages
        else:
            sides[side] = [*start, {"role": "assistant", "content": _cell(record.fields, side)}]
    if sides["chosen"] == sides["rejected"]:
        raise Unusable("data.row_same_sides")
    return Example(record.line, [], {side: _with_system(messages, recipe) for side, messages in sides.items()})


_READERS = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "question_answer": _question_answer,
    "text": _text,
    "preference": _preference,
}


def _cell(fields: dict[str, Any], column: str) -> str:
    value = fields.get(column)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise Unusable("data.row_empty_cell", column=column)
    return value.strip()


def _turn(question: str, answer: str) -> list[Message]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _with_system(messages: list[Message], recipe: ReadRecipe) -> list[Message]:
    if recipe.system_prompt and messages[0]["role"] != "system":
        return [{"role": "system", "content": recipe.system_prompt}, *messages]
    return messages
