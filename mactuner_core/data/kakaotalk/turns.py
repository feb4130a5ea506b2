"""From messages to turns: what one side says in one go, within one session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mactuner_core.data.kakaotalk.chat import Chat, ChatMessage
from mactuner_core.data.kakaotalk.kinds import KINDS, Kind
from mactuner_core.data.kakaotalk.recipe import PairRecipe
from mactuner_core.data.rows import Rejected
from mactuner_core.messages import text

_ONE_WORD = re.compile(
    r"[ㄱ-ㅎㅏ-ㅣ]+|네+[엡넵넹]*|넵+|넹+|넴|넷|예+|응+|웅+|엉+|어+|오+|우?와+|아+|앗|음+|흠+|헐+|헉|헤+|히+|하하+|호호+|흐흐+|크크+|키키+"
    r"|그래+|오키+|오케이|굿+|아하|아니+|ok+|okay|okey|k+|yes|yeah|yep|yup|no|nope|lol|haha(?:ha)*|hm+|oh+|wow"
)
_NO_LETTERS = re.compile(r"[\W_]+")
_LONGEST_ONE_WORD = 60


@dataclass(slots=True)
class Turn:
    """What one side says in one go, in the session with this number (from 0)."""

    session: int
    mine: bool
    messages: list[ChatMessage]

    @property
    def line(self) -> int:
        """The line its first message starts on."""
        return self.messages[0].line

    def joined(self) -> str:
        """Return the texts of the messages, each on a line of its own."""
        return "\n".join([message.text for message in self.messages])


def turns(chat: Chat, recipe: PairRecipe) -> Iterator[Turn | Rejected]:
    """Yield the turns of `chat` in order, and the messages that the recipe leaves out.

    A tag such as [사진] stands for a replaced message. A message left out still keeps its session going.
    """
    dropped, tags = _dropped(recipe), _tags(chat, recipe)
    merge_gap, session_gap, me = recipe.merge_gap_minutes * 60, recipe.session_gap_hours * 3600, recipe.me
    turn: Turn | None = None
    session = 0
    last: int | None = None  # when anybody said anything
    spoke: int | None = None  # when the last message of `turn` was said
    for message in chat.messages:
        _, seconds, sender, kind, body = message
        pause = seconds - last if seconds is not None and last is not None and sender else 0
        if sender and seconds is not None:
            last = seconds
        if pause >= session_gap:
            session += 1
        if kind in dropped:
            yield Rejected(message.line, "kakaotalk.left_out_kind", dropped[kind])
            continue
        if kind in tags:
            message = message._replace(text=tags[kind])
        elif not body or body.isspace():
            yield Rejected(message.line, "kakaotalk.left_out_empty", {})
            continue
        mine = sender == me
        near = seconds is None or spoke is None or seconds - spoke <= merge_gap
        if turn and near and turn.mine is mine and turn.session == session:
            turn.messages.append(message)
            spoke = seconds
            continue
        if turn:
            yield turn
        turn, spoke = Turn(session, mine, [message]), seconds
    if turn:
        yield turn


def is_one_word(reply: str) -> bool:
    """Tell whether a reply is only ㅋㅋ, ㅇㅇ, ㅠㅠ, 네, 응, ok …, in any number, with or without signs and emoji."""
    if len(reply) > _LONGEST_ONE_WORD:
        return False
    words = (_NO_LETTERS.sub("", word) for word in reply.lower().split())
    return all(not word or _ONE_WORD.fullmatch(word) for word in words)


def _dropped(recipe: PairRecipe) -> dict[Kind, dict[str, object]]:
    return {kind: {"kind": kind} for kind in KINDS if recipe.policy(kind) == "drop"}


def _tags(chat: Chat, recipe: PairRecipe) -> dict[Kind, str]:
    language = chat.layout.language
    return {kind: f"[{text(f'kakaotalk.kind_{kind}', language)}]" for kind in KINDS if recipe.policy(kind) == "replace"}
