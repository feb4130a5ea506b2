"""Chat messages as files hold them, checked and brought into the one form used everywhere.

OpenAI messages (content as text or as text parts, tool calls kept) and ShareGPT turns. Images and audio are refused.
"""

from __future__ import annotations

from typing import Any

from mactuner_core.data.rows import Message

ROLES = ("system", "user", "assistant", "tool")
SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
}
KEPT_FIELDS = ("name", "tool_calls", "tool_call_id")


class Unusable(Exception):
    """A row cannot be used: `code` names the sentence in the message catalogue, `values` fill it."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


def from_messages(messages: object, *, any_end: bool = False) -> list[Message]:
    """Return OpenAI messages in the one form; raises Unusable. Without `any_end` an assistant must say something."""
    if not isinstance(messages, list) or not messages:
        raise Unusable("data.row_no_messages")
    kept = [_message(number, message) for number, message in enumerate(messages, start=1)]
    if not any_end and not any(message["role"] == "assistant" for message in kept):
        raise Unusable("data.row_no_assistant")
    return kept


def from_sharegpt(turns: object) -> list[Message]:
    """Return ShareGPT turns (`from` and `value`, or `role` and `content`) in the one form; raises Unusable."""
    if not isinstance(turns, list) or not turns:
        raise Unusable("data.row_no_messages")
    messages = []
    for turn in turns:
        if not isinstance(turn, dict):
            messages.append(turn)
            continue
        speaker = str(turn.get("from", turn.get("role")))
        content = turn.get("value", turn.get("content"))
        messages.append({"role": SHAREGPT_ROLES.get(speaker.lower(), speaker), "content": content})
    return from_messages(messages)


def _message(number: int, message: object) -> Message:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        role = message.get("role") if isinstance(message, dict) else type(message).__name__
        raise Unusable("data.row_unknown_role", number=number, role=str(role), allowed=", ".join(ROLES))
    role = str(message["role"])
    content = _content(number, message.get("content"))
    if not content.strip() and not message.get("tool_calls"):
        raise Unusable("data.row_empty_message", number=number, role=role)
    return {"role": role, "content": content} | {key: message[key] for key in KEPT_FIELDS if message.get(key)}


def _content(number: int, content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Unusable("data.row_bad_content", number=number, found=type(content).__name__)
    parts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            found = part.get("type") if isinstance(part, dict) else type(part).__name__
            raise Unusable("data.row_bad_content", number=number, found=str(found))
        parts.append(part["text"])
    return "\n".join(parts)
