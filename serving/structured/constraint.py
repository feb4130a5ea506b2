"""A grammar that an answer must follow, kept by llguidance. Compiling and every step have limits of work and memory."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher, LLParserLimits

from mactuner_core.errors import InputError, WorkError
from serving.structured.vocabulary import Vocabulary

# The library's own limits where nothing is said. A mask must stay in the milliseconds: the engine's thread waits for it.
_LIMITS = LLParserLimits(step_lexer_fuel=100_000, max_lexer_states=50_000, verbose_errors=False)


class GrammarConstraint:
    """An answer's place in its grammar; made with `compile_grammar`, one copy for each answer."""

    def __init__(self, matcher: LLMatcher, size: int) -> None:
        self._matcher = matcher
        self._size = size

    def mask(self) -> npt.NDArray[np.bool_]:
        """Return which tokens may come next; shape (vocabulary,). Raises WorkError when the grammar takes too much work."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        self._check()
        mask = np.unpackbits(bits, count=min(self._size, len(bits) * 8), bitorder="little").view(np.bool_)
        return mask if len(mask) == self._size else np.pad(mask, (0, self._size - len(mask)))

    def accept(self, token: int) -> None:
        """Take note of the chosen token; raises WorkError when it does not fit or takes too much work."""
        self._matcher.consume_token(token)
        self._check()

    def complete(self) -> bool:
        """Tell whether the answer is whole and nothing may follow but its end."""
        return bool(self._matcher.is_stopped())

    def copy(self) -> GrammarConstraint:
        """Return another answer's place, at the same spot."""
        return GrammarConstraint(self._matcher.deep_copy(), self._size)

    def _check(self) -> None:
        if self._matcher.is_error():
            raise WorkError("serving_structured.gave_up", reason=plain_reason(self._matcher.get_error()))


def compile_grammar(vocabulary: Vocabulary, lark: str) -> GrammarConstraint:
    """Return the constraint of a grammar in llguidance's Lark form; raises InputError with the library's reason."""
    matcher = LLMatcher(vocabulary.tokenizer, lark, log_level=0, limits=_LIMITS)
    if not matcher.is_error():
        matcher.compute_bitmask()  # finds what no text can satisfy
    if matcher.is_error():
        raise InputError("serving_structured.no_grammar", reason=plain_reason(matcher.get_error()))
    return GrammarConstraint(matcher, vocabulary.size)


def plain_reason(reason: str) -> str:
    """Return the library's reason in one line, without the place in a grammar that the client has not written."""
    if reason.startswith("NoExtension"):
        return "no text satisfies it"
    if "oneOf constraints are not supported" in reason:
        return "oneOf with alternatives that may hold at once (anyOf is possible)"
    line = re.sub(r"^at \d+\(\d+\): |failed to compile JSON schema: |<non-verbose/>", "", " ".join(reason.split()))
    return re.split(r" 1 \| start: ", line)[0].strip(" |:.")[:300]
