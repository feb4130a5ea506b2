"""What an export holds, as JSON-ready data for `data inspect` and the Data page."""

from __future__ import annotations

from mactuner_core.data.kakaotalk.chat import Chat
from mactuner_core.data.kakaotalk.parse import parse
from mactuner_core.data.rows import Rejected
from mactuner_core.data.text_file import TextFile


def inspect_chat(file: TextFile) -> dict[str, object]:
    """Return format, layout, encoding, messages, speakers, kinds, time span and problems; raises InputError as `parse`."""
    return describe(parse(file))


def describe(chat: Chat) -> dict[str, object]:
    """Return the same for a chat that was read; `speakers` and `kinds` map each to its count, most first."""
    first, last = chat.messages.time_span()
    return {
        "format": "kakaotalk",
        "layout": chat.layout.name,
        "encoding": chat.encoding,
        "title": chat.title,
        "saved_at": chat.saved_at and chat.saved_at.isoformat(),
        "messages": len(chat.messages),
        "speakers": chat.speakers,
        "kinds": chat.kinds,
        "first": first and first.isoformat(),
        "last": last and last.isoformat(),
        "problems": [{"line": row.line, "code": row.code, "reason": row.text()} for row in problems_of(chat)],
    }


def problems_of(chat: Chat) -> list[Rejected]:
    """Return what was odd in the file, and that pairs cannot be made where only one has written."""
    if len(chat.speakers) > 1:
        return chat.problems
    alone = Rejected(1, "kakaotalk.one_speaker", {"speakers": ", ".join(chat.speakers) or "–"})
    return [alone, *chat.problems]
