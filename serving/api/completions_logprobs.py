"""Log-probabilities in the form of completions: lists side by side, with the place of each token in the text."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from typing import Any

from serving.api.parts import LOWEST_LOGPROB
from serving.engine.generation import TokenLogprob
from serving.engine.llama import Model


class LegacyLogprobs:
    """Collects the tokens of one answer, prompt first; `take` gives those not given yet."""

    def __init__(self, model: Model, top: int) -> None:
        self._model = model
        self._top = top
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._offset = 0
        self._clear()

    def add_first(self, token: int) -> None:
        """Add the first token of a prompt; nothing stands before it, so it has no probability."""
        self._add(token, None, None)

    def add(self, logprobs: Iterable[TokenLogprob]) -> None:
        """Add tokens."""
        for one in logprobs:
            top = {_name(self._model, token): max(value, LOWEST_LOGPROB) for token, value in one.top}
            self._add(one.token, max(one.logprob, LOWEST_LOGPROB), top)

    def take(self) -> dict[str, Any]:
        """Return the lists and begin new ones."""
        lists = {
            "tokens": self._tokens,
            "token_logprobs": self._logprobs,
            "top_logprobs": self._tops if self._top else None,
            "text_offset": self._offsets,
        }
        self._clear()
        return lists

    def _clear(self) -> None:
        self._tokens: list[str] = []
        self._logprobs: list[float | None] = []
        self._tops: list[dict[str, float] | None] = []
        self._offsets: list[int] = []

    def _add(self, token: int, logprob: float | None, top: dict[str, float] | None) -> None:
        self._tokens.append(_name(self._model, token))
        self._logprobs.append(logprob)
        self._tops.append(top)
        self._offsets.append(self._offset)
        self._offset += len(self._decoder.decode(self._model.piece(token, special=True)))


def _name(model: Model, token: int) -> str:
    """Return a token's text, or `bytes:` and its bytes where they are no whole characters, as OpenAI does."""
    data = model.piece(token, special=True)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)
