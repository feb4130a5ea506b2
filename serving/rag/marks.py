"""What a served model takes for its maker's marks: control tokens of its vocabulary, and what its template writes around messages."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator

import llama_cpp.llama_cpp as cpp

from mactuner_core.errors import InputError
from mactuner_core.models.template import render
from mactuner_core.rag.neutral import Marks
from serving.engine.llama import Model

_CONTROL = cpp.LLAMA_TOKEN_ATTR_CONTROL | cpp.LLAMA_TOKEN_ATTR_UNKNOWN
_SIGNS = re.compile(
    r"[<\[{|｜#].*[>\]}|｜:#]", re.DOTALL
)  # what makers' own words look like: <think>, [INST], <｜tool▁sep｜>
_LEAST_LETTERS = 3  # of what a template writes; less, such as a space, is no mark
_PROBE = "\ufdd0{}\ufdd1"  # signs that stand for no character, so no template writes them itself

_known: weakref.WeakKeyDictionary[Model, Marks] = weakref.WeakKeyDictionary()


def marks_of(model: Model) -> Marks:
    """Return the marks of a loaded model; the first time, reading a vocabulary of 150,000 tokens takes a part of a second."""
    if model not in _known:
        _known[model] = Marks([*_vocabulary_marks(model), *_template_marks(model)])
    return _known[model]


def takes_system(model: Model) -> bool:
    """Tell whether the model's template shows a system message; some refuse it, and some leave it out."""
    return _PROBE.format("system") in _probed(model, ["system", "user"])


def _vocabulary_marks(model: Model) -> Iterator[str]:
    for token in range(model.size):
        attributes = int(cpp.llama_vocab_get_attr(model.vocabulary, token))
        if attributes & (_CONTROL | cpp.LLAMA_TOKEN_ATTR_USER_DEFINED):
            text = cpp.llama_vocab_get_text(model.vocabulary, token).decode("utf-8", "replace")
            if attributes & _CONTROL or _SIGNS.fullmatch(text):  # makers add plain words and runs of spaces as well
                yield text


def _template_marks(model: Model) -> Iterator[str]:
    """Yield what the template writes before, between and after messages, a line a mark: `### Response:`, `USER:`."""
    roles = ["system", "user", "assistant", "user"] if takes_system(model) else ["user", "assistant", "user"]
    shown = _probed(model, roles)
    for between in re.split(r"\ufdd0[a-z]+\ufdd1", shown) if "\ufdd0" in shown else []:
        for line in between.splitlines():
            if sum(sign.isalpha() for sign in line) >= _LEAST_LETTERS:
                yield line.strip()


def _probed(model: Model, roles: list[str]) -> str:
    """Return what the template makes of messages that hold a probe each; nothing when it refuses them."""
    messages = [{"role": role, "content": _PROBE.format(role)} for role in roles]
    try:
        return render(
            model.chat_template or "",
            messages,
            add_generation_prompt=True,
            bos_token=model.bos_token,
            eos_token=model.eos_token,
        )
    except InputError:
        return ""
