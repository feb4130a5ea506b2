"""Vehicle plates: 12가 3456, 123나4567, and the older ones with a province before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mactuner_core.data.privacy.context import near
from mactuner_core.data.privacy.places import PROVINCES
from mactuner_core.data.privacy.spans import Span

_USE = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주아바사자배하허호국합육해공"
_COUNTERS = "년|원|명|개|만|억|천|번|호|분|m|km|미터|점|보|회|세대|%|월|시|p"
_PLATE = re.compile(
    rf"(?<![0-9A-Za-z.])((?:(?:{PROVINCES}) ?)?)[0-9]{{2,3}}( ?)([{_USE}])( ?)[0-9]{{4}}(?![0-9A-Za-z])(?![-,.:][0-9])(?!{_COUNTERS})(?! (?:{_COUNTERS})(?![가-힣]))"
)
# Letters that are units as well: 10조 2000, 30도 3000, 101호 1203.
_UNITS = frozenset("호주도조부배자보구수대가나")
_CAR = re.compile(
    r"차|번호판|주차|택시|버스|트럭|렌터|렌트|흰색|검정|검은|은색|회색|파란|빨간|아반떼|소나타|쏘나타|그랜저|반납|정차|잡혔|운전|기사|suv",
    re.IGNORECASE,
)


def find_plates(text: str) -> Iterator[Span]:
    """Yield the plates in `text` (in one spelling)."""
    for match in _PLATE.finditer(text):
        spaced = bool(match[4]) and not match[1] and match[3] in _UNITS
        if not spaced or near(_CAR, text, match, 24):
            yield Span("plate", match.start(), match.end())
