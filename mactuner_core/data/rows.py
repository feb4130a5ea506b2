"""From the text of a CSV or JSONL file to chat examples; a row that cannot be used comes back with line and reason."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from mactuner_core.data.recipe import ImportRecipe
from mactuner_core.data.text_file import TextFile
from mactuner_core.errors import InputError
from mactuner_core.messages import text

Message = dict[str, str]
Format = Literal["csv", "jsonl"]

QUESTION_NAMES = ("질문", "문의", "물음", "question", "prompt", "instruction", "input", "user", "q")
ANSWER_NAMES = ("답변", "답", "응답", "대답", "answer", "response", "completion", "output", "assistant", "a")
ROLES = ("system", "user", "assistant", "tool")
MAXIMUM_FIELD_CHARACTERS = 10_000_000


@dataclass(frozen=True)
class Example:
    """One usable row: the line it starts on, its chat messages, and its other fields.

    A row of plain text has no messages and the field "text"; a preference pair has "chosen" and "rejected" messages.
    """

    line: int
    messages: list[Message]
    other: dict[str, Any] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """Return the row as it is saved, one JSON object a line."""
        return {"messages": self.messages, **self.other} if self.messages else dict(self.other)


@dataclass(frozen=True)
class Rejected:
    """One row that cannot be used: the line it starts on, and why (a message code and its values)."""

    line: int
    code: str
    values: dict[str, object]

    def text(self, language: str | None = None) -> str:
        """Return the reason in `language`, or in the current language."""
        return text(self.code, language, **self.values)

    def as_dict(self) -> dict[str, object]:
        """Return line, code and values as JSON-ready data."""
        return {"line": self.line, "code": self.code, "values": self.values}


@dataclass(frozen=True)
class Table:
    """What kind of file it is and which columns hold the question and the answer (None for chat messages)."""

    format: Format
    columns: list[str]
    question_column: str | None
    answer_column: str | None
    delimiter: str = ","


def recognise(file: TextFile, recipe: ImportRecipe) -> Table:
    """Return how to read the file; raises InputError when its columns are unknown or the wanted ones are not there."""
    first = file.text.lstrip("\ufeff \t\r\n")
    if first.startswith("{"):
        return _recognise_jsonl(file, recipe)
    if first.startswith("["):
        raise InputError("data.json_array", path=file.path)
    delimiter = _delimiter(file.text)
    try:
        header = next(csv.reader(io.StringIO(file.text, newline=""), delimiter=delimiter))
    except csv.Error as problem:
        raise InputError("data.bad_csv", path=file.path, line=1, reason=problem) from problem
    columns = [name.strip().lstrip("\ufeff") for name in header]
    question, answer = _choose_columns(file, recipe, columns)
    return Table("csv", columns, question, answer, delimiter)


def read_rows(file: TextFile, table: Table, recipe: ImportRecipe) -> Iterator[Example | Rejected]:
    """Yield every row of the file in order, as an example or with the reason why it cannot be one."""
    seen: dict[str, int] = {}
    for row in _csv_rows(file, table, recipe) if table.format == "csv" else _jsonl_rows(file, table, recipe):
        if isinstance(row, Example):
            key = json.dumps(row.messages, ensure_ascii=False, sort_keys=True)
            if not _is_text(key):
                yield Rejected(row.line, "data.row_half_character", {})
                continue
            if key in seen:
                yield Rejected(row.line, "data.row_duplicate", {"first": seen[key]})
                continue
            seen[key] = row.line
        yield row


def _is_text(content: str) -> bool:
    """Tell whether `content` can be written as UTF-8: JSON may carry half of a surrogate pair."""
    try:
        content.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _recognise_jsonl(file: TextFile, recipe: ImportRecipe) -> Table:
    columns: dict[str, None] = {}
    messages_rows = 0
    for number, line in enumerate(io.StringIO(file.text)):
        if number == 200:
            break
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            columns |= dict.fromkeys(map(str, row))
            messages_rows += isinstance(row.get("messages"), list)
    if messages_rows and not recipe.question_column:
        return Table("jsonl", list(columns), None, None)
    question, answer = _choose_columns(file, recipe, list(columns))
    return Table("jsonl", list(columns), question, answer)


def _choose_columns(file: TextFile, recipe: ImportRecipe, columns: list[str]) -> tuple[str, str]:
    def choose(wanted: str | None, names: tuple[str, ...], option: str) -> str:
        lower = {column.lower(): column for column in reversed(columns)}
        if wanted:
            if wanted in columns:
                return wanted
            raise InputError(
                "data.missing_column", path=file.path, column=wanted, columns=", ".join(columns), option=option
            )
        if found := next((lower[name] for name in names if name in lower), None):
            return found
        allowed = ", ".join(names[:5])
        known = ", ".join(columns)[:300]
        raise InputError("data.no_known_column", path=file.path, columns=known, names=allowed, option=option)

    question = choose(recipe.question_column, QUESTION_NAMES, "--question-column")
    return question, choose(recipe.answer_column, ANSWER_NAMES, "--answer-column")


def _delimiter(content: str) -> str:
    header = content.lstrip("\ufeff\r\n").split("\n", 1)[0]
    return max(",\t;", key=header.count)


def _csv_rows(file: TextFile, table: Table, recipe: ImportRecipe) -> Iterator[Example | Rejected]:
    csv.field_size_limit(MAXIMUM_FIELD_CHARACTERS)
    content = file.text.lstrip("\ufeff")
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=table.delimiter)
    line = 1
    try:
        for number, cells in enumerate(reader):
            start, line = line, reader.line_num + 1
            if number == 0 or not cells:
                continue
            if len(cells) != len(table.columns):
                values: dict[str, object] = {"found": len(cells), "expected": len(table.columns)}
                yield Rejected(start, "data.row_ragged", values)
                continue
            yield _question_answer(start, dict(zip(table.columns, cells, strict=True)), table, recipe)
    except csv.Error as problem:
        yield Rejected(line, "data.row_bad_csv", {"reason": str(problem)})


def _jsonl_rows(file: TextFile, table: Table, recipe: ImportRecipe) -> Iterator[Example | Rejected]:
    for number, line in enumerate(io.StringIO(file.text.lstrip("\ufeff")), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as problem:
            yield Rejected(number, "data.row_bad_json", {"reason": str(problem)})
            continue
        if not isinstance(row, dict):
            yield Rejected(number, "data.row_not_object", {"found": type(row).__name__})
        elif table.question_column is None:
            yield _conversation(number, row.get("messages"), recipe)
        else:
            yield _question_answer(number, row, table, recipe)


def _question_answer(line: int, row: dict[str, Any], table: Table, recipe: ImportRecipe) -> Example | Rejected:
    messages = _system(recipe)
    for column, role in ((table.question_column, "user"), (table.answer_column, "assistant")):
        value = row.get(str(column))
        if not isinstance(value, str) or not value.strip():
            return Rejected(line, "data.row_empty_cell", {"column": column})
        messages.append({"role": role, "content": value.strip()})
    return Example(line, messages)


def _conversation(line: int, messages: object, recipe: ImportRecipe) -> Example | Rejected:
    if not isinstance(messages, list) or not messages:
        return Rejected(line, "data.row_no_messages", {})
    kept: list[Message] = []
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            role = message.get("role") if isinstance(message, dict) else type(message).__name__
            return Rejected(
                line, "data.row_unknown_role", {"number": number, "role": str(role), "allowed": ", ".join(ROLES)}
            )
        content = message.get("content")
        if not isinstance(content, str) or not content.strip():
            return Rejected(line, "data.row_empty_message", {"number": number, "role": str(message["role"])})
        kept.append({"role": str(message["role"]), "content": content})
    if not any(message["role"] == "assistant" for message in kept):
        return Rejected(line, "data.row_no_assistant", {})
    if kept[0]["role"] != "system":
        kept = _system(recipe) + kept
    return Example(line, kept)


def _system(recipe: ImportRecipe) -> list[Message]:
    return [{"role": "system", "content": recipe.system_prompt}] if recipe.system_prompt else []
