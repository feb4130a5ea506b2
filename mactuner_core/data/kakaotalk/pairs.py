"""From a chat to training examples in which one speaker answers the others.

Two passes: the first judges every reply (too short, said too often, one word too many), the second writes the examples, so
that a share can be kept exactly without holding all replies in memory.
"""

from __future__ import annotations

import random
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mactuner_core.data.kakaotalk.chat import NO_TIME, Chat
from mactuner_core.data.kakaotalk.moments import moment
from mactuner_core.data.kakaotalk.recipe import PairRecipe
from mactuner_core.data.kakaotalk.speakers import named_speaker
from mactuner_core.data.kakaotalk.turns import Turn, Turns, is_one_word
from mactuner_core.data.rows import Example, Message, Rejected
from mactuner_core.errors import InputError

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


def make_pairs(chat: Chat, recipe: PairRecipe) -> Iterator[ChatExample | Rejected]:
    """Yield the examples of `chat`, and every message, turn or reply that was left out with its line and the reason.

    Raises InputError when only one speaker has written, or `recipe.me` has not.
    """
    recipe = recipe.model_copy(update={"me": check_speakers(chat, recipe.me)})
    write = _single if recipe.shape == "single" else _multi_turn
    return write(_Writer(chat, recipe), recipe)


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


def _judge(turns: Turns, recipe: PairRecipe) -> bytearray:
    """Return a verdict for every reply of the chat, in order."""
    verdicts, one_words = bytearray(), array("I")
    seen: dict[int, int] = {}
    for turn in turns.replies():
        reply = turns.joined(turn.numbers).strip()
        times = seen[hash(reply)] = seen.get(hash(reply), 0) + 1
        verdict = _KEEP
        if len(reply) < recipe.minimum_characters:
            verdict = _SHORT
        elif times > recipe.maximum_repeats:
            verdict = _REPEATED
        elif is_one_word(reply):
            one_words.append(len(verdicts))
        verdicts.append(verdict)
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


def _single(writer: _Writer, recipe: PairRecipe) -> Iterator[ChatExample | Rejected]:
    """Yield one example for each reply, with the turns before it as context."""
    verdicts = iter(_judge(writer.turns, recipe))
    recent: deque[Turn] = deque(maxlen=recipe.context_turns + 1)
    before: Turn | None = None
    for turn in writer.turns:
        if isinstance(turn, Rejected):
            yield turn
            continue
        if before and before.session != turn.session:
            recent.clear()
        if before and not before.mine and (not recent or not (turn.mine or recipe.context_turns)):
            yield writer.left_out(before, "no_reply")
        if not turn.mine:
            recent.append(turn)
        elif not _answers(turn, before):
            yield writer.left_out(turn, "not_a_reply")
            recent.append(turn)
        elif verdict := next(verdicts):
            yield writer.judged(turn, verdict)
        else:
            yield writer.example([*recent, turn])
            recent.append(turn)
        before = turn
    if before and not before.mine:
        yield writer.left_out(before, "no_reply")


def _multi_turn(writer: _Writer, recipe: PairRecipe) -> Iterator[ChatExample | Rejected]:
    """Yield one example for each session, or several for a long one; a reply left out leaves no trace in it."""
    verdicts = iter(_judge(writer.turns, recipe))
    talk: list[Turn] = []
    before: Turn | None = None
    for turn in writer.turns:
        if isinstance(turn, Rejected):
            yield turn
            continue
        if before and before.session != turn.session:
            yield from writer.conversation(talk)
            talk = []
            if not before.mine:
                yield writer.left_out(before, "no_reply")
        if not turn.mine:
            if len(talk) >= recipe.conversation_turns and talk[-1].mine:
                yield from writer.conversation(talk)
                talk = []
            talk.append(turn)
        elif not _answers(turn, before):
            if talk and talk[-1].mine:  # said later, on top of the reply
                talk.append(turn)
            else:
                yield writer.left_out(turn, "not_a_reply")
        elif verdict := next(verdicts):
            yield writer.judged(turn, verdict)
        else:
            talk.append(turn)
        before = turn
    yield from writer.conversation(talk)
    if before and not before.mine:
        yield writer.left_out(before, "no_reply")


class _Writer:
    """Writes turns as the messages of an example."""

    def __init__(self, chat: Chat, recipe: PairRecipe) -> None:
        self.turns = Turns(chat, recipe)
        self._messages, self._recipe = chat.messages, recipe
        others = [speaker for speaker in chat.speakers if speaker != recipe.me]
        self._system = self._named(recipe.system_prompt or "", ", ".join(others[:NAMED_SPEAKERS]))

    def left_out(self, turn: Turn, reason: str, **values: object) -> Rejected:
        """Return that `turn` was left out."""
        return Rejected(self.turns.line(turn), f"kakaotalk.left_out_{reason}", values)

    def judged(self, turn: Turn, verdict: int) -> Rejected:
        """Return why the reply `turn` was not kept."""
        recipe = self._recipe
        if verdict == _SHORT:
            characters = len(self.turns.joined(turn.numbers).strip())
            return self.left_out(turn, "short", characters=characters, minimum=recipe.minimum_characters)
        if verdict == _REPEATED:
            return self.left_out(turn, "repeated", maximum=recipe.maximum_repeats)
        return self.left_out(turn, "one_word", share=f"{recipe.one_word_share:.0%}")

    def conversation(self, talk: list[Turn]) -> Iterator[ChatExample]:
        """Yield the example of `talk`, up to the last reply in it, if there is one."""
        while talk and not talk[-1].mine:
            talk = talk[:-1]
        if talk:
            yield self.example(talk)

    def example(self, talk: list[Turn]) -> ChatExample:
        """Return the example of `talk`, which ends with a reply; its first turn of the others starts it."""
        while talk[0].mine:
            talk = talk[1:]
        messages: list[Message] = [{"role": "system", "content": self._system}] if self._system else []
        instruction = ""
        for mine, numbers in _sides(talk):
            if mine:
                messages.append({"role": "assistant", "content": self.turns.joined(numbers)})
                continue
            if self._recipe.instruction:
                instruction = self._named(self._recipe.instruction, self._sender(numbers[-1]))
            content = self._with_names(numbers) if self._recipe.name_speakers else self.turns.joined(numbers)
            messages.append({"role": "user", "content": f"{instruction}\n{content}" if instruction else content})
        reply = talk[-1]
        seconds = self._messages.seconds[reply.numbers[0]]
        other = {"instruction": instruction} if instruction else {}
        time = None if seconds == NO_TIME else moment(seconds)
        return ChatExample(self.turns.line(talk[0]), messages, other, time=time, session=reply.session)

    def _with_names(self, numbers: Iterable[int]) -> str:
        return "\n".join([f"{self._sender(number)}: {self.turns.joined([number])}" for number in numbers])

    def _sender(self, number: int) -> str:
        return self._messages.senders[self._messages.who[number]]

    def _named(self, template: str, other: str) -> str:
        return template.replace("{me}", self._recipe.me).replace("{other}", other)


def _sides(talk: list[Turn]) -> Iterator[tuple[bool, array[int]]]:
    """Yield whose turn it is and the numbers of its messages; turns of one side that follow each other are one."""
    mine, numbers = talk[0].mine, talk[0].numbers
    for turn in talk[1:]:
        if turn.mine is mine:
            numbers = numbers + turn.numbers
        else:
            yield mine, numbers
            mine, numbers = turn.mine, turn.numbers
    yield mine, numbers
