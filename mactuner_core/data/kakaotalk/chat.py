"""A chat that was read: its messages, who wrote how many, and what was odd.

Messages are kept as offsets into the text of the file (about 30 bytes each) and made when they are asked for, so that an
export of a million messages needs little more memory than its text.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, overload

from mactuner_core.data.kakaotalk.kinds import KINDS, Kind
from mactuner_core.data.kakaotalk.layouts import Layout
from mactuner_core.data.kakaotalk.moments import moment
from mactuner_core.data.rows import Rejected

NO_TIME = -(2**62)  # the file says no day for this message


_BLANK_STARTS = frozenset([chr(code) for code in range(0x3001) if chr(code).isspace()] + ['"'])  # " is a quote of CSV


class ChatMessage(NamedTuple):
    """One message: `seconds` since 1970-01-01 00:00 on the wall clock (None when the file gives no day), `line` from 1.

    A system message has the sender "".
    """

    line: int
    seconds: int | None
    sender: str
    kind: Kind
    text: str

    @property
    def time(self) -> datetime | None:
        """The local date and time."""
        return None if self.seconds is None else moment(self.seconds)


class Messages(Sequence[ChatMessage]):
    """All messages of a chat in order; `add` and `extend_last` are for the reader."""

    def __init__(self, text: str, *, quoted: bool) -> None:
        self._text = text
        self._quoted = quoted
        self._returns = "\r\n" in text
        self._plain = not (quoted or self._returns)
        self.senders = [""]  # number 0 speaks the system messages
        self.lines, self._seconds = array("I"), array("q")
        self._starts, self._ends = array("q"), array("q")
        self.who, self.kinds = array("I"), array("B")

    def add(self, line: int, seconds: int, who: int, kind: int, start: int, end: int) -> None:
        """Add a message whose text is at `start` to `end`; `who` is its number in `senders`, `kind` the one in KINDS."""
        self.lines.append(line)
        self._seconds.append(seconds)
        self.who.append(who)
        self.kinds.append(kind)
        self._starts.append(start)
        self._ends.append(end)

    def extend_last(self, end: int) -> str:
        """Let the last message go on up to `end`; returns its text."""
        self._ends[-1] = end
        return self.text_at(self._starts[-1], end)

    @property
    def seconds(self) -> Sequence[int]:
        """The time of each message, NO_TIME where the file gives no day."""
        return self._seconds

    @property
    def lengths(self) -> Sequence[int]:
        """The characters of each message as the file has it: with the quotes of CSV."""
        return array("q", (end - start for start, end in zip(self._starts, self._ends, strict=True)))

    def last_seconds(self) -> int:
        """Return the time of the last message, or NO_TIME."""
        return self._seconds[-1] if self._seconds else NO_TIME

    def time_span(self) -> tuple[datetime | None, datetime | None]:
        """Return the earliest and the latest time of a message."""
        last = max(self._seconds, default=NO_TIME)
        if last == NO_TIME:
            return None, None
        return moment(min(seconds for seconds in self._seconds if seconds != NO_TIME)), moment(last)

    def text_at(self, start: int, end: int) -> str:
        """Return a message's text: line ends as \\n, the quotes of CSV taken off."""
        text = self._text[start:end]
        if self._returns:
            text = text.replace("\r\n", "\n")
        return unquote(text) if self._quoted else text

    def text_of(self, number: int) -> str:
        """Return the text of the message with this number."""
        start, end = self._starts[number], self._ends[number]
        return self._text[start:end] if self._plain else self.text_at(start, end)

    def blank(self) -> list[int]:
        """Return the numbers of the messages that hold nothing but space."""
        text, starts = self._text, enumerate(zip(self._starts, self._ends, strict=True))
        perhaps = [number for number, (start, end) in starts if start >= end or text[start] in _BLANK_STARTS]
        return [number for number in perhaps if not self.text_of(number).strip()]

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, index: int) -> ChatMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[ChatMessage]: ...
    def __getitem__(self, index: int | slice) -> ChatMessage | list[ChatMessage]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        seconds = self._seconds[index]
        return ChatMessage(
            self.lines[index],
            None if seconds == NO_TIME else seconds,
            self.senders[self.who[index]],
            KINDS[self.kinds[index]],
            self.text_of(index),
        )

    def __iter__(self) -> Iterator[ChatMessage]:
        text, senders, plain = self._text, self.senders, self._plain
        columns = zip(self.lines, self._seconds, self.who, self.kinds, self._starts, self._ends, strict=True)
        for line, seconds, who, kind, start, end in columns:
            body = text[start:end] if plain else self.text_at(start, end)
            yield ChatMessage(line, None if seconds == NO_TIME else seconds, senders[who], KINDS[kind], body)


@dataclass(frozen=True)
class Chat:
    """An export: `speakers` and `kinds` with their counts, most first; system messages have no speaker.

    `problems` are what the reader was not sure of, with line and reason.
    """

    path: Path
    encoding: str
    layout: Layout
    title: str | None
    saved_at: datetime | None
    messages: Messages
    speakers: dict[str, int]
    kinds: dict[str, int]
    problems: list[Rejected]


def unquote(field: str) -> str:
    """Return a CSV field without its quotes."""
    if len(field) > 1 and field[0] == '"' == field[-1]:
        return field[1:-1].replace('""', '"')
    return field
