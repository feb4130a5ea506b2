"""Which tokens of a conversation the model learns: those the assistant says, and the mark that ends its turn.

Works with any chat template, with or without `{% generation %}` marks: the conversation is rendered whole and up to
each assistant turn, and what lies between is found again among the tokens through their character offsets. Some
templates change earlier turns when later ones follow (Qwen3 drops old thinking): such a conversation becomes one example
for each assistant turn. Does not truncate.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mactuner_core.errors import InputError, SettingProblem

IGNORED = -100  # the label that the loss passes over
Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Example:
    """Token ids of one training example and its labels: the id itself where the model learns, else IGNORED."""

    input_ids: list[int]
    labels: list[int]

    @property
    def learned(self) -> int:
        """How many tokens count in the loss."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(frozen=True)
class _Turn:
    """One assistant turn in the text that ends with it: where it begins, and where its words end (in characters)."""

    text: str
    begin: int
    words_end: int


class RowProblemError(Exception):
    """A conversation that cannot be trained on; `problem` says why."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.problem = SettingProblem(code, values)


def check_tokenizer(tokenizer: Any) -> None:
    """Raise InputError when the tokenizer has no chat template or cannot say where its tokens come from."""
    if not tokenizer.chat_template:
        raise InputError("training.no_template")
    if not tokenizer.is_fast:
        raise InputError("training.slow_tokenizer", tokenizer=type(tokenizer).__name__)


def build_examples(tokenizer: Any, messages: Messages) -> list[Example]:
    """Return the examples that one conversation makes: one, or one for each assistant turn.

    Raises RowProblemError when nothing in it can be learned or the template does not show it whole.
    """
    places = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    if not places:
        raise RowProblemError("training.row_no_assistant")
    turns = [_turn(tokenizer, messages, place) for place in places]
    whole = _render(tokenizer, messages[: places[-1] + 1])
    _check_system(messages, whole)
    if all(whole.startswith(turn.text[: turn.words_end]) for turn in turns):
        return [_example(tokenizer, whole, turns)]
    return [_example(tokenizer, turn.text, [turn]) for turn in turns]


def _render(tokenizer: Any, messages: Messages, *, prompt: bool = False) -> str:
    from jinja2 import TemplateError

    plain = [dict(message) for message in messages]
    try:
        return str(tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=prompt))
    except (TemplateError, TypeError, KeyError, ValueError, IndexError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise RowProblemError("training.row_refused", reason=reason) from problem


def _turn(tokenizer: Any, messages: Messages, place: int) -> _Turn:
    """Return the assistant turn at `place`: it begins where its text leaves the prompt that would ask for it."""
    text = _render(tokenizer, messages[: place + 1])
    prompt = _render(tokenizer, messages[:place], prompt=True) if place else ""
    begin = _common(text, prompt)
    content = _spoken(messages[place])
    before = _spoken(messages[place - 1]) if place else ""
    # a template may open the turn with what it will not show afterwards (an open <think>): the common part counts,
    # but only when it holds all that was said before
    place_in_text = text.find(content, begin)
    if place_in_text < 0 or (before and before not in text[:begin]):
        raise RowProblemError("training.row_unclear")
    return _Turn(text, begin, place_in_text + len(content))


def _spoken(message: Mapping[str, Any]) -> str:
    """Return what a template shows of a message whatever else it does: no outer white space, no thinking."""
    return str(message["content"]).split("</think>")[-1].strip()


def _common(one: str, other: str) -> int:
    """Return how many characters two texts share from their beginning."""
    short = min(len(one), len(other))
    return next((i for i in range(short) if one[i] != other[i]), short)


def _check_system(messages: Messages, text: str) -> None:
    for message in messages:
        if message["role"] == "system" and _spoken(message) not in text:
            raise RowProblemError("training.system_dropped")


def _example(tokenizer: Any, text: str, turns: list[_Turn]) -> Example:
    """Tokenise `text` up to the end of its last turn and label what is said in `turns`, with the mark that ends each.

    A template may write no mark at the end: then the tokenizer's end of text is put there, or the model would not learn
    to stop.
    """
    # the template has written every special token already, so none is added (no second BOS)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(encoded["input_ids"]), encoded["offset_mapping"]
    labels = [IGNORED] * len(ids)
    marks = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    mark, last = None, 0
    for turn in turns:
        said = [i for i, (a, b) in enumerate(offsets) if b > turn.begin and a < turn.words_end and b > a]
        after = said[-1] + 1 if said else bisect_left(offsets, (turn.words_end, 0))
        mark = next((i for i in range(after, len(ids)) if ids[i] in marks), None)
        if mark is not None and text[turn.words_end : offsets[mark][0]].strip():
            mark = None  # it belongs to what follows the turn
        for i in [*said, *(range(after, mark + 1) if mark is not None else ())]:
            labels[i] = ids[i]
        last = after if mark is None else mark + 1
    ids, labels = ids[:last], labels[:last]  # nothing is learned from what follows
    if mark is None and tokenizer.eos_token_id is not None:
        return Example([*ids, tokenizer.eos_token_id], [*labels, tokenizer.eos_token_id])
    return Example(ids, labels)
