"""From messages to turns: what one side says in one go, within one session."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mactuner_core.data.kakaotalk.chat import NO_TIME, Chat
from mactuner_core.data.kakaotalk.kinds import KINDS
from mactuner_core.data.kakaotalk.recipe import PairRecipe
from mactuner_core.data.rows import Rejected
from mactuner_core.messages import text

_ONE_WORD = re.compile(
    r"[ㄱ-ㅎㅏ-ㅣ]+|네+[엡넵넹]*|넵+|넹+|넴|넷|예+|응+|웅+|엉+|어+|오+|우?와+|아+|앗|음+|흠+|헐+|헉|헤+|히+|하하+|호호+|흐흐+|크크+|키키+"
    r"|그래+|오키+|오케이|굿+|아하|아니+|ok+|okay|okey|k+|yes|yeah|yep|yup|no|nope|lol|haha(?:ha)*|hm+|oh+|wow"
)
_NO_LETTERS = re.compile(r"[\W_]+")
_LONGEST_ONE_WORD = 60


class Turn(NamedTuple):
    """What one side says in one go, in the session with this number (from 0): the numbers of its messages."""

    session: int
    mine: bool
    numbers: array[int]


class Turns:
    """The turns of a chat, kept as numbers of messages: to go through them again costs little time and memory.

    A tag such as [사진] stands for a replaced message. A message left out still keeps its session going.
    """

    def __init__(self, chat: Chat, recipe: PairRecipe) -> None:
        self._messages = chat.messages
        self._dropped, self._tags = _dropped(recipe), _tags(chat, recipe)
        kinds = chat.messages.kinds
        self._empty = {number for number in chat.messages.blank() if kinds[number] not in self._tags}
        self._kept, self._left_out, self._starts, self._sessions, self._mine = self._cut(recipe)

    def __iter__(self) -> Iterator[Turn | Rejected]:
        """Yield the turns in order, and among them the messages that the recipe leaves out."""
        left_out, place = self._left_out, 0
        for number in range(len(self._mine)):
            next_turn = self._starts[number + 1]
            before = self._kept[next_turn] if next_turn < len(self._kept) else len(self._messages)
            while place < len(left_out) and left_out[place] < before:
                yield self._rejected(left_out[place])
                place += 1
            yield self._turn(number)
        for message in left_out[place:]:
            yield self._rejected(message)

    def replies(self) -> Iterator[Turn]:
        """Yield only my turns that answer the turn before them."""
        mine, sessions = self._mine, self._sessions
        for number in range(1, len(mine)):
            if mine[number] and not mine[number - 1] and sessions[number] == sessions[number - 1]:
                yield self._turn(number)

    def line(self, turn: Turn) -> int:
        """Return the line the first message of `turn` starts on."""
        return self._messages.lines[turn.numbers[0]]

    def joined(self, numbers: Iterable[int]) -> str:
        """Return the texts of these messages, each on a line of its own."""
        text_of = self._messages.text_of
        if not self._tags:
            return "\n".join([text_of(number) for number in numbers])
        kinds, tags = self._messages.kinds, self._tags
        return "\n".join([tags.get(kinds[number]) or text_of(number) for number in numbers])

    def _turn(self, number: int) -> Turn:
        numbers = self._kept[self._starts[number] : self._starts[number + 1]]
        return Turn(self._sessions[number], bool(self._mine[number]), numbers)

    def _rejected(self, number: int) -> Rejected:
        line, kind = self._messages.lines[number], self._messages.kinds[number]
        if kind in self._dropped:
            return Rejected(line, "kakaotalk.left_out_kind", self._dropped[kind])
        return Rejected(line, "kakaotalk.left_out_empty", {})

    def _cut(self, recipe: PairRecipe) -> tuple[array[int], array[int], array[int], array[int], bytearray]:
        """Return the numbers of the kept messages and of those left out; for each turn where it starts among the kept
        ones (and the end of the last), its session, and whether it is mine."""
        import numpy as np  # not for those who only read the recipe

        messages = self._messages
        who = np.array(messages.who, dtype=np.int64)
        seconds = np.array(messages.seconds, dtype=np.int64)
        timed = np.flatnonzero((who != 0) & (seconds != NO_TIME))
        sessions = np.zeros(len(who), dtype=np.int64)
        sessions[timed[1:]] = np.diff(seconds[timed]) >= recipe.session_gap_hours * 3600
        sessions = np.cumsum(sessions)

        out = np.isin(np.array(messages.kinds), list(self._dropped))
        out[list(self._empty)] = True
        kept = np.flatnonzero(~out)
        mine = who[kept] == (messages.senders.index(recipe.me) if recipe.me in messages.senders else -1)
        sessions, seconds = sessions[kept], seconds[kept]
        known = seconds != NO_TIME
        late = (np.diff(seconds) > recipe.merge_gap_minutes * 60) & known[1:] & known[:-1]
        first = np.ones(len(kept), dtype=bool)
        first[1:] = late | (mine[1:] != mine[:-1]) | (sessions[1:] != sessions[:-1])
        starts = np.flatnonzero(first)
        return (
            array("q", kept.tobytes()),
            array("q", np.flatnonzero(out).tobytes()),
            array("q", np.append(starts, len(kept)).tobytes()),
            array("q", sessions[starts].tobytes()),
            bytearray(mine[starts].tobytes()),
        )


def is_one_word(reply: str) -> bool:
    """Tell whether a reply is only ㅋㅋ, ㅇㅇ, ㅠㅠ, 네, 응, ok …, in any number, with or without signs and emoji."""
    if len(reply) > _LONGEST_ONE_WORD:
        return False
    words = (_NO_LETTERS.sub("", word) for word in reply.lower().split())
    return all(not word or _ONE_WORD.fullmatch(word) for word in words)


def _dropped(recipe: PairRecipe) -> dict[int, dict[str, object]]:
    return {number: {"kind": kind} for number, kind in enumerate(KINDS) if recipe.policy(kind) == "drop"}


def _tags(chat: Chat, recipe: PairRecipe) -> dict[int, str]:
    language = chat.layout.language
    replaced = [(number, kind) for number, kind in enumerate(KINDS) if recipe.policy(kind) == "replace"]
    return {number: f"[{text(f'kakaotalk.kind_{kind}', language)}]" for number, kind in replaced}
