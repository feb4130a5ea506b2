"""The log."""

from __future__ import annotations

from dataclasses import dataclass

from mactuner_core.messages import text


@dataclass(frozen=True)
class Notice:
    """Something the person who runs the server should know: `code` names the sentence, `values` fill it."""

    code: str
    values: dict[str, object]

    def text(self) -> str:
        """Return the sentence in the current language."""
        return text(self.code, **self.values)

    def plain(self) -> dict[str, str]:
        """Return the values as words, for a file that another process reads."""
        return {name: str(value) for name, value in self.values.items()}
