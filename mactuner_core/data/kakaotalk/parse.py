"""Reading an export: one pass over the text, message by message.

A line is a message only if it has the whole form of one. A second line that somebody typed or pasted in that form cannot be
told from a message, and counts as one; `between.py` says what happens to every other line.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from unicodedata import normalize

from mactuner_core.data.kakaotalk.between import Place, Row, meanings, rows_between
from mactuner_core.data.kakaotalk.chat import NO_TIME, Chat, Messages, unquote
from mactuner_core.data.kakaotalk.kinds import KINDS, SYSTEM, kind_of
from mactuner_core.data.kakaotalk.layouts import CSV_HEADER, SAVED, Layout, find_layout, has_header, title_of
from mactuner_core.data.kakaotalk.moments import DAY_S, read_clock, read_day, read_moment
from mactuner_core.data.rows import Rejected
from mactuner_core.data.text_file import TextFile
from mactuner_core.errors import InputError

REPORTED_PROBLEMS = 1000
NOBODY = 0  # the sender of system messages, "", in `Messages.senders`


def parse(file: TextFile) -> Chat:
    """Read the export in `file`; raises InputError when it is none, or has no message."""
    layout = find_layout(file.text)
    if layout is None:
        has_messages = not has_header(file.text)
        raise InputError("kakaotalk.not_a_chat" if has_messages else "kakaotalk.no_messages", path=file.path)
    reader = _Reader(file.text, layout)
    reader.read()
    messages = reader.messages
    return Chat(
        path=file.path,
        encoding=file.encoding,
        layout=layout,
        title=reader.title,
        saved_at=reader.saved_at,
        messages=messages,
        speakers={messages.senders[who]: count for who, count in Counter(messages.who).most_common() if who != NOBODY},
        kinds={KINDS[kind]: count for kind, count in Counter(messages.kinds).most_common()},
        problems=reader.problems,
    )


class _Reader:
    def __init__(self, text: str, layout: Layout) -> None:
        self.text = text
        self.layout = layout
        self.messages = Messages(text, quoted=layout.quoted)
        self.title: str | None = None
        self.saved_at: datetime | None = None
        self.problems: list[Rejected] = []
        self._day: int | None = None  # said by the last date line
        self._latest: int | None = None  # the day of the last message
        self._line, self._counted = 1, 0
        self._header_lines = 0
        self._without_day = False
        self._numbers: dict[str | None, int] = {None: NOBODY, "": NOBODY}
        self._days: dict[str, int | None] = {}
        self._clocks: dict[str, int] = {}

    def read(self) -> None:
        """Add every message of the text."""
        text, add, clocks, numbers = self.text, self.messages.add, self._clocks, self._numbers
        groups = self.layout.record.groupindex
        wanted = groups["date"], groups["time"], groups["sender"], groups["text"]
        quoted, dated, returns = self.layout.quoted, self.layout.dated, "\r\n" in text
        after, line = 0, 0  # where the line after the last record begins, and the line of the last record
        for found in self.layout.record.finditer(text):
            start, end = found.span()
            date, time, sender, body = found.group(*wanted)
            day = self._day_of(date) if dated else self._day
            if day is None and dated:  # 30 February: not a record, so a line of the message before
                continue
            if start > after or quoted or not line:
                self._between(after, start, day)
                day = day if dated else self._day
                line = self.line_at(start)
            else:
                line += 1
            after = end + 1
            if day != self._latest or day is None:
                self._note_day(start, day)
            if time not in clocks:
                clocks[time] = read_clock(time)
            if sender not in numbers:
                self._new_sender(sender)
            begin, who = end - len(body), numbers[sender]
            if returns and body.endswith("\r"):
                end, body = end - 1, body[:-1]
            if quoted:
                body = self._field(start, begin, end)
            kind = SYSTEM if who == NOBODY else kind_of(body)
            add(line, NO_TIME if day is None else day * DAY_S + clocks[time], who, kind, begin, end)
        self._between(after, len(text), None)

    def line_at(self, position: int) -> int:
        """Return the line of `position`, which must not be before the one asked for last."""
        self._line += self.text.count("\n", self._counted, position)
        self._counted = position
        return self._line

    def _field(self, start: int, begin: int, end: int) -> str:
        body = self.messages.text_at(begin, end)
        if self.text[begin] == '"' and body[:1] == '"' and body == self.text[begin:end]:
            self._problem(start, "kakaotalk.broken_quote")
        return body

    def _between(self, start: int, end: int, next_day: int | None) -> None:
        """Read the lines from `start` to `end`, none of which is a record; `next_day` is that of the record after them."""
        place = Place(self.layout, self._latest if self.layout.dated else self._day, next_day, bool(self.messages))
        message_end = 0
        for meaning, row in meanings(rows_between(self.text, start, end), place):
            if meaning in ("text", "doubt"):
                message_end = row.stop
                if meaning == "doubt":
                    self._problem(row.begin, "kakaotalk.date_in_message")
                continue
            if message_end:
                self._extend(message_end)
                message_end = 0
            if meaning == "system":
                self._add_system(row, place.day)
            elif meaning == "export" and self.messages:
                self._problem(row.begin, "kakaotalk.another_export")
                self._latest = None
            elif meaning in ("header", "saved", "export"):
                self._read_header(row)
        if message_end:
            self._extend(message_end)
        self._day = place.day

    def _extend(self, end: int) -> None:
        body = self.messages.extend_last(end)
        if self.messages.kinds[-1] != SYSTEM:
            self.messages.kinds[-1] = kind_of(body)

    def _add_system(self, row: Row, day: int | None) -> None:
        """Add a system line without a time: it happened after the message before it, or when the day began."""
        before = self.messages.last_seconds()
        seconds = NO_TIME if day is None else max(before, day * DAY_S)
        self.messages.add(self.line_at(row.begin), seconds, NOBODY, SYSTEM, row.begin, row.stop)

    def _read_header(self, row: Row) -> None:
        line = row.text.strip("\ufeff \t\r")
        self._header_lines += 1
        if saved := SAVED.fullmatch(line):
            self.saved_at = self.saved_at or read_moment(saved[1])
        elif title := title_of(line):
            self.title = self.title or title
        elif not (self.messages or self._header_lines == 1 or CSV_HEADER.fullmatch(line)):  # the first may be any name
            self._problem(row.begin, "kakaotalk.before_first", text=line[:80])

    def _note_day(self, position: int, day: int | None) -> None:
        if day is None:
            if not self._without_day:
                self._problem(position, "kakaotalk.no_date")
            self._without_day = True
        elif self._latest is not None and day < self._latest:
            self._problem(position, "kakaotalk.time_backwards")
        self._latest = day

    def _day_of(self, date: str) -> int | None:
        if date not in self._days:
            self._days[date] = read_day(date)
        return self._days[date]

    def _new_sender(self, written: str) -> None:
        name = normalize("NFC", unquote(written) if self.layout.quoted else written)  # a Mac writes ㄱㅏ for 가
        senders = self.messages.senders
        if name not in self._numbers:
            self._numbers[name] = len(senders)
            senders.append(name)
        self._numbers[written] = self._numbers[name]

    def _problem(self, position: int, code: str, **values: object) -> None:
        """Note what was odd, up to a limit: a file of a million odd lines is told by its first thousand."""
        if len(self.problems) < REPORTED_PROBLEMS:
            self.problems.append(Rejected(self.line_at(position), code, values))
