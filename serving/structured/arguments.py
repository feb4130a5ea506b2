"""A call's arguments read from the model's text as it comes, and given on as JSON text."""

from __future__ import annotations

import json

from serving.structured.reasoning import held_back

_PARAMETER = "<parameter="
_FUNCTION_END = "</function>"
_VALUE_END = "\n</parameter>\n"


class JsonArguments:
    """Arguments that are a JSON object already: passed on to its closing brace."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def push(self, text: str) -> tuple[str, str | None]:
        """Return (JSON text, what follows the arguments); the second is None while they go on."""
        for place, character in enumerate(text):
            if self._in_string:
                if self._escaped:
                    self._escaped = False
                elif character == "\\":
                    self._escaped = True
                elif character == '"':
                    self._in_string = False
            elif character == '"':
                self._in_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth == 0:
                    return text[: place + 1], text[place + 1 :]
        return text, None


class XmlArguments:
    """Arguments in tags: `texts` names those whose value is text as it is, the others are JSON."""

    def __init__(self, texts: frozenset[str]) -> None:
        self._texts = texts
        self._held = ""
        self._key: str | None = None  # of the argument that is being read
        self._count = 0

    def push(self, text: str) -> tuple[str, str | None]:
        """Return (JSON text, what follows the arguments); the second is None while they go on."""
        self._held += text
        made = ""
        while True:
            if self._key is not None:
                value, whole = self._value()
                made += value
                if not whole:
                    return made, None
            elif self._held.startswith(_FUNCTION_END):
                return made + ("}" if self._count else "{}"), self._held
            else:
                key, bracket, rest = self._held.removeprefix(_PARAMETER).partition(">\n")
                if not bracket or not self._held.startswith(_PARAMETER):
                    return made, None
                self._key, self._held = key, rest
                made += f"{', ' if self._count else '{'}{json.dumps(key, ensure_ascii=False)}: "
                made += '"' if key in self._texts else ""
                self._count += 1

    def _value(self) -> tuple[str, bool]:
        """Return the sure part of the value and whether it is whole."""
        end = self._held.find(_VALUE_END)
        if end < 0:
            keep = held_back(self._held, _VALUE_END)
            value, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
            return self._written(value), False
        value, self._held = self._held[:end], self._held[end + len(_VALUE_END) :]
        written = self._written(value) + ('"' if self._key in self._texts else "")
        self._key = None
        return written, True

    def _written(self, value: str) -> str:
        return json.dumps(value, ensure_ascii=False)[1:-1] if self._key in self._texts else value
