"""The part of a long passage that is worth showing: where most different words of the question stand."""

from __future__ import annotations

from collections.abc import Sequence

Spans = Sequence[tuple[int, int]]

_LEAD = 0.25  # of the excerpt: how far before the first marked word it may begin


def excerpt(text: str, spans: Spans, longest: int) -> tuple[str, list[tuple[int, int]]]:
    """Return at most `longest` characters of `text` with what was left out shown as "…", and the `spans` (start, end) inside it.

    It begins with a line or a sentence where one begins shortly before the first marked word, and cuts no word.
    """
    if len(text) <= longest:
        return text, list(spans)
    first = max(
        (start for start, _ in spans), key=lambda start: (_words(text, spans, start, longest), -start), default=0
    )
    lead = round(longest * _LEAD)
    begin = 0 if first < lead else _start(text, first - lead, first, last=True)
    if len(text) - begin < longest:  # there is room for more of what stands before
        begin = min(begin, _start(text, len(text) - longest, first, last=False))
    end = _end(text, min(len(text), begin + longest), begin)
    before, after = "…" * (begin > 0), "…" * (end < len(text))
    moved = len(before) - begin
    inside = [(start + moved, stop + moved) for start, stop in spans if begin <= start and stop <= end]
    return before + text[begin:end] + after, inside


def _words(text: str, spans: Spans, first: int, longest: int) -> int:
    """Count the characters of different marked words in the window that begins with the one at `first`."""
    last = first + round(longest * (1 - _LEAD))
    return sum(map(len, {text[start:end].casefold() for start, end in spans if start >= first and end <= last}))


def _start(text: str, begin: int, end: int, *, last: bool) -> int:
    """Return where a line, else a sentence, else a word begins between two places, the last or the first one that does."""
    part = text[begin:end]
    for mark in ("\n", ". ", "? ", "! ", " "):
        place = part.rfind(mark) if last and mark != " " else part.find(mark)
        if place >= 0:
            return begin + place + len(mark)
    return end


def _end(text: str, end: int, begin: int) -> int:
    if end == len(text):
        return end
    place = max(text.rfind(mark, begin, end) for mark in (" ", "\n"))
    return place if place > begin + (end - begin) // 2 else end
