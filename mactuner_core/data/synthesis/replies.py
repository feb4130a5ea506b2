"""From the text of a reply to the rows in it. Strict: what is not exactly a chat example is refused with a reason."""

from __future__ import annotations

import json
import re
from typing import Any

from mactuner_core.data.rows import Message

ROLES = ("system", "user", "assistant")
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL)


class Unusable(Exception):
    """A reply, or a row of one, cannot be used: `code` names the sentence, `values` fill it."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


def rows_in(reply: str) -> list[Any]:
    """Return the elements of a reply: a JSON list, JSON lines, one object, or `{"examples": [...]}`; raises Unusable.

    A thought in front and one fence of code around it are passed over.
    """
    content = _THOUGHT.sub("", reply, count=1)
    fences = _FENCE.findall(content)
    if len(fences) == 1:
        content = fences[0]
    content = content.strip()
    if not content:
        raise Unusable("synthesis.reply_empty")
    value = _json(content)
    if isinstance(value, dict) and list(value) == ["examples"]:
        value = value["examples"]
    rows = [value] if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise Unusable("synthesis.reply_no_list", found=type(value).__name__)
    if not rows:
        raise Unusable("synthesis.reply_empty")
    return rows


def messages_of(row: Any) -> list[Message]:
    """Return the messages of one element of a reply; raises Unusable."""
    if not isinstance(row, dict) or not isinstance(row.get("messages"), list) or not row["messages"]:
        raise Unusable("synthesis.row_no_messages")
    if extra := [str(key) for key in row if key != "messages"]:
        raise Unusable("synthesis.row_extra_field", field=", ".join(extra)[:100])
    messages = [_message(number, message) for number, message in enumerate(row["messages"], start=1)]
    roles = [message["role"] for message in messages]
    turns = roles[1:] if roles[0] == "system" else roles
    if not turns or turns != ["user", "assistant"] * (len(turns) // 2):
        raise Unusable("synthesis.row_bad_turns", roles=" ".join(roles)[:200])
    return messages


def _message(number: int, message: Any) -> Message:
    if not isinstance(message, dict) or set(message) != {"role", "content"} or message["role"] not in ROLES:
        raise Unusable("synthesis.row_bad_message", number=number)
    content = message["content"]
    if not isinstance(content, str) or not content.strip() or not _is_text(content):
        raise Unusable("synthesis.row_bad_content", number=number)
    return {"role": message["role"], "content": content}


def _is_text(content: str) -> bool:
    try:
        content.encode("utf-8")  # JSON may carry half of a surrogate pair
    except UnicodeEncodeError:
        return False
    return "\x00" not in content


def _json(content: str) -> Any:
    try:
        return json.loads(content)
    except RecursionError as problem:
        raise Unusable("synthesis.reply_bad_json", reason="RecursionError") from problem
    except ValueError as problem:
        try:
            lines = [json.loads(line) for line in content.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            lines = []
        if lines and all(isinstance(line, dict) for line in lines):
            return lines
        raise Unusable("synthesis.reply_bad_json", reason=str(problem)) from problem
