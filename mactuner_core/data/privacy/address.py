"""Addresses (by road and by lot, with building and unit) and postal codes.

The core is a road or a quarter with its number. It counts when a province, city, county or district stands before it, or
when something else makes it certain: a lot number with a hyphen, a unit behind it, a well-known road, the word 주소. Without
a number, a place is coarse enough to stay: 서울시 마포구.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mactuner_core.data.privacy.context import labelled
from mactuner_core.data.privacy.places import (
    BUILDING,
    KNOWN_ROADS,
    NOT_A_QUARTER,
    NOT_A_ROAD,
    PROVINCE,
    TOWN,
)
from mactuner_core.data.privacy.spans import Span

_NUMBER = r"(?:지하 ?)?[0-9]{1,4}(?:-[0-9]{1,4})?(?:번지)?(?![0-9-])"
_ROAD = re.compile(
    rf"(?<![가-힣A-Za-z0-9])([가-힣]{{1,14}}[0-9]{{0,3}}(?:대로|로|길))( ?[0-9]{{1,4}}(?:번)?[가나다라마바사]?길)? ?({_NUMBER})"
)
_LOT = re.compile(rf"(?<![가-힣A-Za-z0-9])([가-힣]{{1,12}}(?:[0-9]{{1,2}}가|[0-9]?동|리|가)) ?((?:산 ?)?{_NUMBER})")
_UNIT = re.compile(
    rf"(?<![가-힣A-Za-z0-9])((?:[가-힣A-Za-z0-9]{{0,14}}(?:{BUILDING})(?:[0-9]{{1,2}}차|[0-9]{{1,2}}단지)? ?)?)"
    r"((?:[0-9]{1,4}|[A-Z]|[가-하])동)( ?(?:지하 ?)?B?[0-9]{1,4}호(?!선|차|기|봉|실))?(?![0-9생안])"
)
_ENGLISH = re.compile(
    r"(?<![A-Za-z0-9-])[0-9]{1,4}(?:-[0-9]{1,4})?,? [A-Z][A-Za-z]{1,20}-?(?:daero|ro|gil)(?: ?[0-9]{1,3}(?:beon)?-gil)?"
    r"(?:, ?[A-Z][A-Za-z]{1,20}(?:-(?:gu|si|dong|do|gun|eup|myeon))?){1,5}"
)

# What may stand before the core; the longest run of it that ends right there. Two invented names count as well.
_BEFORE = re.compile(
    rf"(?<![가-힣A-Za-z0-9])(?:({PROVINCE}) ?)?((?:{TOWN} ?){{0,2}})((?:[가-힣]{{2,4}}시 [가-힣]{{2,4}}[구군] )?)"
    r"((?:[가-힣]{1,4}[읍면] ?)?)((?:[가-힣]{1,4}[0-9]?[동리가] )?)$"
)
_BEFORE_LENGTH = 44
_BEFORE_ENDS = frozenset("시군구읍면동리가도울산천주전종기원북남")
_GLUED = re.compile(rf"(?:{PROVINCE})?{TOWN}[가-힣]{{2}}")  # 서울시마포구가상로

# A count, not a building's number: 3번, 20분, 12시.
_COUNTERS = (
    "시(?![가-힣]*동)|분|초|명|개|번(?!지|길)|원|월|일|년|m|km|g|미터|킬로|%|퍼|칸|배|호선|호차|점|회|차|살|박|대|권|장|마리|코스|구간|만|억|천|세대|가지|도|세트|주|층|위|잔|곳|건|인"
    "|역|등|세|학년|반|단계?|부|출구|가"
)
_COUNT = re.compile(rf"(?:{_COUNTERS})| (?:{_COUNTERS})(?![가-힣])|[:/~]|\.[0-9]|,[0-9]{{3}}")
_DETAIL = re.compile(
    r"(?:,? ?)(?:"
    rf"[가-힣A-Za-z0-9]{{1,14}}(?:{BUILDING})(?![가-힣])"
    r"|[가-힣A-Za-z0-9]{2,14}(?= B?[0-9]{1,4}호(?!선|차|기|봉))"
    r"|(?:[0-9]{1,3}|[A-Z])단지|(?:[0-9]{1,4}|[A-Z]|[가-하])동(?![가-힣A-Za-z]*[생안])(?=[ ,0-9)]|$)|(?:지하 ?|B)?[0-9]{1,3}층|(?:지하 ?)?B?[0-9]{1,4}호(?!선|차|기|봉)"
    r")|,? ?\((?=[^()\n]{0,40}[가-힣])[^()\n]{1,40}\)"
)
_DETAIL_IN_PARENTHESES = re.compile(rf"[동리로길가](?![가-힣])|{BUILDING}")
_UNIT_BEHIND = re.compile(r"[0-9](?:호|층|동|단지)|아파트|빌라|오피스텔|빌딩|타워")
_LABEL = re.compile(
    r"주소|배송지|도로명|거주|등록기준지|본적|사는 ?곳|살아|살고|우리 ?집|본사|소재지|address", re.IGNORECASE
)

_NOT_A_ROAD = re.compile(rf"(?:{NOT_A_ROAD})(?:로|길)|.*(?:으로|대로로)")
_NOT_A_QUARTER = re.compile(rf"(?:{NOT_A_QUARTER})동|[0-9]+동")
_KNOWN_ROAD = re.compile(KNOWN_ROADS)
_QUARTER = re.compile(r"[가-힣]{2,5}[0-9]?동|[가-힣]{2,5}[0-9]가|.*[읍면리]")

_POSTAL = re.compile(r"(?<![0-9A-Za-z-])(?:[0-9]{5}|[0-9]{3}-[0-9]{3})(?![0-9A-Za-z])(?!-[0-9])")
_POSTAL_LABEL = re.compile(r"(?:우편 ?번호|postal ?code|zip ?code|zip|우\))[^0-9]{0,8}$", re.IGNORECASE)
_POSTAL_TO_ADDRESS = re.compile(r"[\])]? {0,2}$")
_ADDRESS_TO_POSTAL = re.compile(r"[ ,]{0,2}(?:[\[(]|우\)?)? ?$")


def find_addresses(text: str) -> Iterator[Span]:
    """Yield the addresses in `text` (in one spelling)."""
    for match in _ROAD.finditer(text):
        if not _NOT_A_ROAD.fullmatch(match[1]) and not _COUNT.match(text, match.end()):
            start, certain = _start(text, match.start())
            end = _end(text, match.end())
            if certain or _is_road(text, match, end):
                yield Span("address", start, end)
    for match in _LOT.finditer(text):
        if not _NOT_A_QUARTER.fullmatch(match[1]) and not _COUNT.match(text, match.end()):
            start, certain = _start(text, match.start())
            if certain or _is_lot(text, match):
                yield Span("address", start, _end(text, match.end()))
    for match in _UNIT.finditer(text):
        if match[3] or (match[1].strip() and re.match(r"[0-9]", match[2])):
            yield Span("address", _start(text, match.start())[0], _end(text, match.end()))
    for match in _ENGLISH.finditer(text):
        yield Span("address", match.start(), match.end())


def find_postal_codes(text: str, addresses: list[Span]) -> Iterator[Span]:
    """Yield the postal codes: behind the word, or right before or behind one of `addresses`."""
    for match in _POSTAL.finditer(text):
        start, end = match.span()
        if _POSTAL_LABEL.search(text[max(0, start - 16) : start]):
            yield Span("postal_code", start, end)
            continue
        if "-" in match[0] or match[0] > "63999" or _COUNT.match(text, end):
            continue
        for address in addresses:
            before = 0 <= address.start - end <= 3 and _POSTAL_TO_ADDRESS.fullmatch(text[end : address.start])
            behind = 0 <= start - address.end <= 6 and _ADDRESS_TO_POSTAL.fullmatch(text[address.end : start])
            if before or behind:
                yield Span("postal_code", start, end)


def _start(text: str, start: int) -> tuple[int, bool]:
    """Return where the address begins when its core begins at `start`, and whether that makes it certain."""
    if start < 2 or text[start - 2] not in _BEFORE_ENDS:
        return start, _GLUED.match(text, start) is not None
    window = max(0, start - _BEFORE_LENGTH)
    match = _BEFORE.search(text[window:start])
    if match is None or not match[0]:
        return start, False
    return window + match.start(), any(match.group(1, 2, 3, 4))


def _end(text: str, end: int) -> int:
    for _ in range(6):
        match = _DETAIL.match(text, end)
        if match is None or ("(" in match[0] and not _DETAIL_IN_PARENTHESES.search(match[0])):
            break
        end = match.end()
    return end


def _is_road(text: str, match: re.Match[str], end: int) -> bool:
    compound = match[2] is not None and len(match[1]) > 2
    behind = _UNIT_BEHIND.search(text[match.end() : end]) is not None
    label = labelled(_LABEL, text, match.start(), match.end(), 12)
    return compound or behind or label or _KNOWN_ROAD.fullmatch(match[1]) is not None


def _is_lot(text: str, match: re.Match[str]) -> bool:
    if not _QUARTER.fullmatch(match[1]):
        return False
    if "번지" in match[2]:
        return True
    lot = "-" in match[2] and not match[1].endswith("리")
    return lot or labelled(_LABEL, text, match.start(), match.end(), 12)
