"""Names of people nobody gave, by the morphological analyser kiwipiepy: slow (about 1,000 short messages a second), on request.

A proper noun counts as a name when it has a Korean surname and three syllables, or is called as people are (수진씨,
수진이가, 수진아). Places and brands that look like names are why this is not done unasked.
"""

from __future__ import annotations

import re
from typing import Any

from mactuner_core.data.privacy.names import given_name
from mactuner_core.data.privacy.places import PROVINCES
from mactuner_core.data.privacy.spans import Span
from mactuner_core.data.privacy.words import PARTICLES, TITLES
from mactuner_core.errors import WorkError

_WORD = re.compile("[가-힣]{2}")
_CALLED = re.compile(
    rf" ?(?:{TITLES})(?:{PARTICLES}){{0,2}}(?![가-힣])|이(?:가|는|를|도|한테|네|랑|꺼|거)?(?![가-힣])|(?:아|야|한테|에게|께)(?:서|도|는)?(?![가-힣])"
)
_NOT_A_PERSON = re.compile(rf"(?:{PROVINCES}).*|.*(?:시|군|구|동|역|은행|대학|그룹|전자|산업|증권|마트|공원)")


class OtherNames:
    """The analyser, loaded once: seconds, and about 500 MB. Raises WorkError when it is not installed."""

    def __init__(self) -> None:
        try:
            from kiwipiepy import Kiwi  # type: ignore[import-untyped, unused-ignore]
        except ImportError as problem:
            raise WorkError("privacy.no_analyser") from problem
        self._kiwi: Any = Kiwi(num_workers=1)

    def find(self, text: str) -> list[Span]:
        """Return the names in `text`."""
        if _WORD.search(text) is None:
            return []
        found = []
        for token in self._kiwi.tokenize(text):
            if token.tag == "NNP" and 2 <= token.len <= 4 and not _NOT_A_PERSON.fullmatch(token.form):
                start, end = token.start, token.start + token.len
                if text[start:end] == token.form and _is_name(token.form, text, end):
                    found.append(Span("name", start, end))
        return found


def _is_name(word: str, text: str, end: int) -> bool:
    return given_name(word) is not None or _CALLED.match(text, end) is not None
