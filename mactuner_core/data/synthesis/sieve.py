"""Which of the rows a model wrote are kept: those in the right form that repeat no other and break no rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mactuner_core.data.rows import Example, Message
from mactuner_core.data.rules.check import Check, failures_of
from mactuner_core.data.synthesis.duplicates import SeenRows
from mactuner_core.data.synthesis.replies import Unusable, messages_of


class Sieve:
    """Knows the gold rows and the accepted ones; `system_prompt` is put before every row when all gold rows share it."""

    def __init__(
        self,
        gold: Sequence[list[Message]],
        accepted: Sequence[list[Message]],
        checks: dict[str, Check],
        duplicate_threshold: float,
    ) -> None:
        self.system_prompt = shared_system_prompt(gold)
        self._checks = checks
        self._seen = SeenRows(duplicate_threshold)
        self._accepted = len(accepted)
        for number, messages in enumerate(gold, start=1):
            self._seen.add(messages, f"gold {number}")
        for number, messages in enumerate(accepted, start=1):
            self._seen.add(messages, f"row {number}")

    def take(self, row: Any) -> list[Message]:
        """Return the messages of a row and remember them; raises Unusable with the reason why it is refused."""
        messages = messages_of(row)
        if self.system_prompt is not None:
            turns = [message for message in messages if message["role"] != "system"]
            messages = [{"role": "system", "content": self.system_prompt}, *turns]
        if found := self._seen.find(messages):
            code = "synthesis.row_same" if found.share == 1 else "synthesis.row_alike"
            raise Unusable(code, of=found.of, share=f"{found.share:.0%}")
        if failures := failures_of(Example(0, messages), self._checks):
            first = failures[0]
            raise Unusable("synthesis.row_breaks_rule", rule=first.rule, reason=first.broken.text())
        self._accepted += 1
        self._seen.add(messages, f"row {self._accepted}")
        return messages

    def shown(self, messages: Sequence[Message]) -> list[Message]:
        """Return a gold row as a prompt shows it: without the system prompt that all rows share."""
        return [m for m in messages if m["role"] != "system" or self.system_prompt is None]


def shared_system_prompt(rows: Sequence[Sequence[Message]]) -> str | None:
    """Return the system prompt that every row begins with, or None when there is none or they differ."""
    first = {messages[0]["content"] if messages[0]["role"] == "system" else None for messages in rows}
    return first.pop() if len(first) == 1 else None
