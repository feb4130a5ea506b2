"""From a chat to training examples in which one speaker answers the others.

Two passes: the first judges every reply (too short, said too often, one word too many), the second writes the examples, so
that a share can be kept exactly without holding all replies in memory.
"""

from __future__ import annotations

import random
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mactuner_core.data.kakaotalk.chat import Chat, ChatMessage
from mactuner_core.data.kakaotalk.recipe import PairRecipe
from mactuner_core.data.kakaotalk.speakers import named_speaker
from mactuner_core.data.kakaotalk.turns import Turn, is_one_word, turns
from mactuner_core.data.rows import Example, Message, Rejected
from mactuner_core.errors import InputError

Edit = Callable[[ChatMessage], ChatMessage]

_KEEP, _SHORT, _REPEATED, _ONE_WORD = range(4)
NAMED_SPEAKERS = 30


@dataclass(frozen=True)
class ChatExample(Example):
    """An example made of a chat: `time` of the (last) reply, number of its session; the instruction is in `other`."""

    time: datetime | None = None
    session: int = 0

    @property
    def instruction(self) -> str:
        """The line that was put above what the other said, or nothing."""
        return str(self.other.get("instruction", ""))

    def as_alpaca(self) -> dict[str, object]:
        """Return instruction, input and output; `system` and `history` ([asked, answered] pairs) where there are any."""
        system = [message["content"] for message in self.messages if message["role"] == "system"]
        turns = [message["content"] for message in self.messages if message["role"] != "system"]
        said = [turn.removeprefix(f"{self.instruction}\n") if self.instruction else turn for turn in turns[::2]]
        row: dict[str, object] = {"instruction": self.instruction, "input": said[-1], "output": turns[-1]}
        if system:
            row["system"] = system[0]
        if len(said) > 1:
            row["history"] = [list(pair) for pair in zip(said[:-1], turns[1:-1:2], strict=True)]
        return row


def make_pairs(chat: Chat, recipe: PairRecipe, edit: Edit | None = None) -> Iterator[ChatExample | Rejected]:
    """Yield the examples of `chat`, and every message, turn or reply that was left out with its line and the reason.

    `edit` may change each message (mask it) before its text is put in an example. Raises InputError when only one speaker
    has written, or `recipe.me` has not.
    """
    recipe = recipe.model_copy(update={"me": check_speakers(chat, recipe.me)})
    write = _single if recipe.shape == "single" else _multi_turn
    return write(chat, recipe, iter(_judge(chat, recipe)), edit)


def check_speakers(chat: Chat, me: str) -> str:
    """Return the name of `me`; raises InputError when `chat` has fewer than two speakers, or `me` is none of them."""
    speakers = list(chat.speakers)
    known = ", ".join(speakers[:NAMED_SPEAKERS]) + (" …" if len(speakers) > NAMED_SPEAKERS else "")
    if len(speakers) < 2:
        raise InputError("kakaotalk.too_few_speakers", path=chat.path, count=len(speakers), speakers=known or "–")
    name = named_speaker(me, chat.speakers)
    if name is None:
        raise InputError("kakaotalk.unknown_speaker", path=chat.path, me=me, speakers=known)
    return name


def count_reasons(left_out: Iterable[Rejected]) -> dict[str, int]:
    """Return how many were left out for each reason, most first; kinds of messages are counted each."""
    reasons = Counter(f"{row.code}:{row.values['kind']}" if "kind" in row.values else row.code for row in left_out)
    return dict(reasons.most_common())


def _judge(chat: Chat, recipe: PairRecipe) -> bytearray:
    """Return a verdict for every reply of the chat, in order."""
    verdicts, one_words = bytearray(), array("I")
    seen: dict[int, int] = {}
    before: Turn | None = None
    for turn in turns(chat, recipe):
        if isinstance(turn, Rejected):
            continue
        if _answers(turn, before):
            reply = turn.joined().strip()
            times = seen[hash(reply)] = seen.get(hash(reply), 0) + 1
            verdict = _KEEP
            if len(reply) < recipe.minimum_characters:
                verdict = _SHORT
            elif times > recipe.maximum_repeats:
                verdict = _REPEATED
            elif is_one_word(reply):
                one_words.append(len(verdicts))
            verdicts.append(verdict)
        before = turn
    others = verdicts.count(_KEEP) - len(one_words)
    share = recipe.one_word_share
    allowed = len(one_words) if share == 1 else min(len(one_words), int(others * share / (1 - share) + 1e-9))
    kept = set(random.Random(recipe.seed).sample(one_words, allowed))  # noqa: S311 (a choice, no secret)
    for number in one_words:
        if number not in kept:
            verdicts[number] = _ONE_WORD
    return verdicts


def _answers(turn: Turn, before: Turn | None) -> bool:
    return bool(turn.mine and before and not before.mine and before.session == turn.session)


def _single(
    chat: Chat, recipe: PairRecipe, verdicts: Iterator[int], edit: Edit | None
) -> Iterator[ChatExample | Rejected]:
    """Yield one example for each reply, with the turns before it as context."""
    writer = _Writer(chat, recipe, edit)
    recent: deque[Turn] = deque(maxlen=recipe.context_turns + 1)
    before: Turn | None = None
    for turn in turns(chat, recipe):
        if isinstance(turn, Rejected):
            yield turn
            continue
        if before and before.session != turn.session:
            recent.clear()
        if before and not before.mine and (not recent or not (turn.mine or recipe.context_turns)):
            yield Rejected(before.line, "kakaotalk.left_out_no_reply", {})
        if not turn.mine:
            recent.append(turn)
        elif not _answers(turn, before):
            yield Rejected(turn.line, "kakaotalk.left_out_not_a_reply", {})
            recent.append(turn)
        elif verdict := next(verdicts):
            yield _left_out(turn, verdict, recipe)
        else:
            yield writer.example([*recent, turn])
            recent.append(turn)
        before = turn
    if before and not before.mine:
        yield Rejected(before.line, "kakaotalk.left_out_no_reply", {})


def _multi_turn(
    chat: Chat, recipe: PairRecipe, verdicts: Iterator[int], edit: Edit | None
) -> Iterator[ChatExample | Rejected]:
    """Yield one example for each session, or several for a long one; a reply left out leaves no trace in it."""
    writer = _Writer(chat, recipe, edit)
    talk: list[Turn] = []
    before: Turn | None = None
    for turn in turns(chat, recipe):
        if isinstance(turn, Rejected):
            yield turn
            continue
        if before and before.session != turn.session:
            yield from writer.conversation(talk)
            talk = []
            if not before.mine:
                yield Rejected(before.line, "kakaotalk.left_out_no_reply", {})
        if not turn.mine:
            if len(talk) >= recipe.conversation_turns and talk[-1].mine:
                yield from writer.conversation(talk)
                talk = []
            talk.append(turn)
        elif not _answers(turn, before):
            if talk and talk[-1].mine:  # said later, on top of the reply
                talk.append(turn)
            else:
                yield Rejected(turn.line, "kakaotalk.left_out_not_a_reply", {})
        elif verdict := next(verdicts):
            yield _left_out(turn, verdict, recipe)
        else:
            talk.append(turn)
        before = turn
    yield from writer.conversation(talk)
    if before and not before.mine:
        yield Rejected(before.line, "kakaotalk.left_out_no_reply", {})


def _left_out(turn: Turn, verdict: int, recipe: PairRecipe) -> Rejected:
    if verdict == _SHORT:
        values: dict[str, object] = {"characters": len(turn.joined().strip()), "minimum": recipe.minimum_characters}
        return Rejected(turn.line, "kakaotalk.left_out_short", values)
    if verdict == _REPEATED:
        return Rejected(turn.line, "kakaotalk.left_out_repeated", {"maximum": recipe.maximum_repeats})
    return Rejected(turn.line, "kakaotalk.left_out_one_word", {"share": f"{recipe.one_word_share:.0%}"})


class _Writer:
    """Writes turns as the messages of an example."""

    def __init__(self, chat: Chat, recipe: PairRecipe, edit: Edit | None) -> None:
        self.recipe = recipe
        self.edit = edit
        others = [speaker for speaker in chat.speakers if speaker != recipe.me]
        self.system = self._named(recipe.system_prompt or "", ", ".join(others[:NAMED_SPEAKERS]))

    def conversation(self, talk: list[Turn]) -> Iterator[ChatExample]:
        """Yield the example of `talk`, up to the last reply in it, if there is one."""
        while talk and not talk[-1].mine:
            talk = talk[:-1]
        if talk:
            yield self.example(talk)

    def example(self, talk: list[Turn]) -> ChatExample:
        """Return the example of `talk`, which ends with a reply; its first turn of the others starts it."""
        first = next(number for number, turn in enumerate(talk) if not turn.mine)
        messages: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        instruction = ""
        sides: list[tuple[bool, list[ChatMessage]]] = []
        for turn in talk[first:]:
            if sides and sides[-1][0] is turn.mine:
                sides[-1][1].extend(turn.messages)
            else:
                sides.append((turn.mine, list(turn.messages)))
        for mine, said in sides:
            said = [self.edit(message) for message in said] if self.edit else said
            if mine:
                messages.append({"role": "assistant", "content": "\n".join([message.text for message in said])})
                continue
            instruction = self._named(self.recipe.instruction or "", said[-1].sender)
            content = "\n".join([self._line(message) for message in said])
            messages.append({"role": "user", "content": f"{instruction}\n{content}" if instruction else content})
        reply = talk[-1].messages[0]
        line, session = talk[first].line, talk[-1].session
        other = {"instruction": instruction} if instruction else {}
        return ChatExample(line, messages, other, time=reply.time, session=session)

    def _line(self, message: ChatMessage) -> str:
        return f"{message.sender}: {message.text}" if self.recipe.name_speakers else message.text

    def _named(self, template: str, other: str) -> str:
        return template.replace("{me}", self.recipe.me).replace("{other}", other)
