"""An answer's text, as it comes, taken apart into reasoning, content and tool calls.

The answer follows a grammar, so the parser reads exactly the texts of the format. An answer that was cut off inside a
call gives the part of the call that is there; one cut off before the call's name gives no call.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from serving.structured.arguments import JsonArguments, XmlArguments
from serving.structured.formats import ToolFormat
from serving.structured.pieces import CallArguments, CallStart, Content, Piece, Reasoning
from serving.structured.reasoning import ReasoningSplitter, Thinking, held_back


class AnswerParser:
    """The parser of one answer.

    `tools` gives for each tool's name the arguments that are written as plain text (formats with tags only).
    """

    def __init__(self, form: ToolFormat | None, tools: Mapping[str, frozenset[str]], thinking: Thinking) -> None:
        self._splitter = ReasoningSplitter(thinking)
        self._calls = None if form is None else _CallParser(form, tools)

    def push(self, text: str) -> list[Piece]:
        """Take the next text and return the pieces that are sure."""
        return self._pieces(*self._splitter.push(text))

    def finish(self) -> list[Piece]:
        """Return the pieces still held when the answer has ended."""
        pieces = self._pieces(*self._splitter.finish())
        return pieces + (self._calls.finish() if self._calls else [])

    @property
    def calls(self) -> int:
        """How many calls have begun."""
        return self._calls.count if self._calls else 0

    def finish_reason(self, reason: str) -> str:
        """Return OpenAI's finish_reason for the engine's: "tool_calls" for a whole answer that calls."""
        return "tool_calls" if reason == "stop" and self.calls else reason

    def _pieces(self, reasoning: str, content: str) -> list[Piece]:
        pieces: list[Piece] = [Reasoning(reasoning)] if reasoning else []
        if content and self._calls:
            pieces += self._calls.push(content)
        elif content:
            pieces.append(Content(content))
        return pieces


class _CallParser:
    """Content and calls; each state is a method that uses up text and says whether it could go on."""

    def __init__(self, form: ToolFormat, tools: Mapping[str, frozenset[str]]) -> None:
        self._form = form
        self._tools = tools
        self._text = ""
        self._state = self._content if form.trigger else self._whole
        self._skip = ""  # what comes before the next name
        self._arguments: JsonArguments | XmlArguments = JsonArguments()
        self._pieces: list[Piece] = []
        self.count = 0

    def push(self, text: str) -> list[Piece]:
        self._text += text
        while self._text and self._state():
            pass
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> list[Piece]:
        if self._state in (self._content, self._whole) and self._text:
            return [Content(self._text)]
        return []

    def _content(self) -> bool:
        """Pass text on until the trigger, keeping back what may become it."""
        trigger = self._form.trigger
        place = self._text.find(trigger)
        if place < 0:
            sure = self._text[: len(self._text) - held_back(self._text, trigger)].rstrip()
            self._add_content(self._take(len(sure)))  # blanks before a call are no content
            return False
        self._add_content(self._take(place).rstrip())
        self._take(len(trigger))
        self._state = self._name
        self._skip = self._form.opening + self._form.before_name
        return True

    def _whole(self) -> bool:
        """Decide by its beginning whether the answer is a call."""
        for beginning in (self._form.prefix + self._form.before_name, self._form.before_name):
            if self._text.startswith(beginning):
                self._take(len(beginning))
                self._state, self._skip = self._name, ""
                return True
            if beginning.startswith(self._text):
                return False
        self._state = self._plain
        return True

    def _plain(self) -> bool:
        self._add_content(self._take(len(self._text)))
        return False

    def _name(self) -> bool:
        name, found, rest = self._text.partition(self._form.after_name)
        if not found:
            return False
        name = name.removeprefix(self._skip)
        self._text = rest
        self._arguments = XmlArguments(self._tools.get(name, frozenset())) if self._form.xml else JsonArguments()
        self._pieces.append(CallStart(self.count, "call_" + secrets.token_hex(12), name))
        self.count += 1
        self._state = self._read_arguments
        return True

    def _read_arguments(self) -> bool:
        made, rest = self._arguments.push(self._take(len(self._text)))
        if made:
            self._pieces.append(CallArguments(self.count - 1, made))
        if rest is None:
            return False
        self._text, self._state = rest, self._after
        return True

    def _after(self) -> bool:
        """Read on to the next call; the end of the last one is of no interest."""
        onward = self._form.after_arguments + self._form.between
        if not self._form.between or not self._text.startswith(onward):
            return False
        self._take(len(onward))
        self._state, self._skip = self._name, self._form.before_name
        return True

    def _add_content(self, text: str) -> None:
        if text:
            self._pieces.append(Content(text))

    def _take(self, count: int) -> str:
        taken, self._text = self._text[:count], self._text[count:]
        return taken
