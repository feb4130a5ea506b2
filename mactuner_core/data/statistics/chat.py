"""Who speaks how much and when in a chat: by speaker, and by hour of the week. Rows are numbers of messages here."""

from __future__ import annotations

from typing import Any

import numpy as np

from mactuner_core.data.kakaotalk.chat import NO_TIME as NO_DAY
from mactuner_core.data.kakaotalk.chat import Chat
from mactuner_core.data.statistics.part import Part, Statistics, lengths, packed
from mactuner_core.data.statistics.source import NO_TIME

HOUR = 3600
MONDAY = 4 * 24  # 1970-01-01 was a Thursday: hours from the first Monday's midnight


def chat_statistics(chat: Chat) -> Statistics:
    """Return the part "chat"; system messages have no speaker and do not count."""
    messages = chat.messages
    who = np.array(messages.who, dtype=np.int32)
    seconds, characters = (np.array(column, dtype=np.int64) for column in (messages.seconds, messages.lengths))
    hours = np.where(seconds == NO_DAY, NO_TIME, (seconds // HOUR - MONDAY) % (7 * 24)).astype(np.int16)
    hours[who == 0] = NO_TIME
    names = list(chat.speakers)
    numbers = [messages.senders.index(name) for name in names]
    rows = [np.flatnonzero(who == number) for number in numbers]
    figures: dict[str, Any] = {
        "messages": len(who),
        "said": int((who > 0).sum()),
        "characters": lengths(characters[who > 0]),
        "speakers": [
            {"name": name, "messages": len(own), "characters": int(characters[own].sum()), "week": _week(hours[own])}
            for name, own in zip(names, rows, strict=True)
        ],
        "week": _week(hours),
    }
    return Statistics({"chat": Part(figures, {"week": hours, **packed("speakers", rows)})})


def _week(hours: Any) -> list[list[int]]:
    """Return the number of messages for each weekday (Monday first) and hour."""
    counts: list[list[int]] = np.bincount(hours[hours != NO_TIME], minlength=7 * 24).reshape(7, 24).tolist()
    return counts
