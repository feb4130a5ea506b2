"""Reasoning between <think> and </think> at the beginning of an answer, told from the answer itself."""

from __future__ import annotations

from typing import Literal

Thinking = Literal["no", "may", "must"]  # must: the prompt has opened it already

OPEN = "<think>"
CLOSE = "</think>"


def thinks(template: str) -> bool:
    """Tell whether a chat template is made for a model that reasons first."""
    return CLOSE in template


def opened(prompt: str) -> bool:
    """Tell whether the prompt ends inside the reasoning, so that the answer begins with it."""
    return prompt.rstrip().endswith(OPEN)


def closed(prompt: str) -> bool:
    """Tell whether the prompt ends with a finished (often empty) reasoning."""
    return prompt.rstrip().endswith(CLOSE)


def held_back(text: str, word: str) -> int:
    """Return the length of the longest end of `text` that begins `word`."""
    return next((size for size in range(min(len(word) - 1, len(text)), 0, -1) if text.endswith(word[:size])), 0)


class ReasoningSplitter:
    """Takes an answer in pieces and returns reasoning and content as they become sure.

    `thinking` says whether the answer may begin with <think>, must be inside it already, or is all content.
    """

    def __init__(self, thinking: Thinking) -> None:
        self._state = {"may": "before", "must": "inside", "no": "plain"}[thinking]
        self._text = ""
        self._begun = False  # whether the part that is being read has shown a visible character

    def push(self, text: str) -> tuple[str, str]:
        """Take the next text and return (reasoning, content) that is sure."""
        self._text += text
        if self._state == "before":
            start = self._text.lstrip()
            if OPEN.startswith(start):  # also when there is nothing yet
                return "", ""
            if not start.startswith(OPEN):
                self._state = "plain"
                return "", self._take(len(self._text))
            self._state, self._text = "inside", start[len(OPEN) :]
        reasoning = self._inside() if self._state == "inside" else ""
        return reasoning, self._after() if self._state in ("after", "plain") else ""

    def finish(self) -> tuple[str, str]:
        """Return what is still held at the end."""
        held = self._take(len(self._text))
        if self._state == "inside":
            return (held if self._begun else held.lstrip()).rstrip(), ""
        return "", "" if self._state == "after" else held

    def _inside(self) -> str:
        end = self._text.find(CLOSE)
        if end >= 0:
            reasoning = self._take(end).rstrip()
            self._take(len(CLOSE))
            reasoning = reasoning if self._begun else reasoning.lstrip()
            self._state, self._begun = "after", False
            return reasoning
        sure = self._text[: len(self._text) - held_back(self._text, CLOSE)].rstrip()
        if not self._begun:
            blank = len(sure) - len(sure.lstrip())
            self._take(blank)
            sure = sure[blank:]
        self._begun = self._begun or bool(sure)
        return self._take(len(sure))

    def _after(self) -> str:
        """Return the content without the blank lines between it and the reasoning."""
        if self._state == "after":
            self._text = self._text.lstrip()
            if self._text:
                self._state = "plain"
        return self._take(len(self._text))

    def _take(self, count: int) -> str:
        taken, self._text = self._text[:count], self._text[count:]
        return taken
