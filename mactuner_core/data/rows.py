"""What a row of data is on its way: an example that can be learned from, or a row left out with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mactuner_core.messages import text

Message = dict[str, Any]


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
        """Return the reason in `language`, or in the current language; a kind of chat message by its name there."""
        values = dict(self.values)
        if self.code == "kakaotalk.left_out_kind":
            values["kind"] = text(f"kakaotalk.kind_{values['kind']}", language)
        return text(self.code, language, **values)

    def as_dict(self) -> dict[str, object]:
        """Return line, code and values as JSON-ready data."""
        return {"line": self.line, "code": self.code, "values": self.values}
