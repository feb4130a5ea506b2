"""Phone numbers in every usual spelling: mobile, land line, internet, safe numbers, abroad, and spelt in Korean digits.

Numbers of companies that anybody may call (15xx-, 16xx-, 18xx-xxxx, 080) and emergency numbers are not personal and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mactuner_core.data.privacy.context import LEFT, RIGHT, digits, labelled, other_number
from mactuner_core.data.privacy.spans import Span

_GAP = r" ?[-./·~_]? ?"
_MOBILE = re.compile(LEFT + rf"\(?01[016789]\)?{_GAP}(?:[0-9]{{3,4}}|\*{{3,4}}){_GAP}(?:[0-9]{{4}}|\*{{4}})" + RIGHT)
_AREA = r"(?:02|03[1-3]|04[1-4]|05[1-5]|06[1-4]|070|050[0-9])"
_LAND = re.compile(LEFT + rf"(?:\({_AREA}\) ?|{_AREA}(?: ?[-.)/] ?| ))[0-9]{{3,4}}( ?[-./] ?| )[0-9]{{4}}" + RIGHT)
_LAND_BARE = re.compile(LEFT + rf"{_AREA}[0-9]{{7,8}}" + RIGHT)
_KOREA = re.compile(
    r"(?<![0-9A-Za-z])(?:\(\+? ?82\)|\+ ?82\)?|0082|82(?=-))[- .]{0,2}(?:\(0\))?0?(?:1[016789]|2|[3-6][1-5]|70)"
    rf"{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}" + RIGHT
)
_ABROAD = re.compile(r"(?<![0-9A-Za-z+])\+[1-9][0-9]{0,2}[- .]?\(?[0-9]{1,4}\)?(?:[- .][0-9]{2,5}){1,4}" + RIGHT)
_LOCAL = re.compile(LEFT + r"[0-9]{3,4}-[0-9]{4}" + RIGHT)
_KOREAN_DIGIT = "[공영일이삼사오육륙칠팔구0-9]"
_SPELT = re.compile(
    rf"(?<![가-힣0-9])(?:공일|[공영]1|0일)[공영일육륙칠팔구0]{_GAP}{_KOREAN_DIGIT}{{3,4}}{_GAP}{_KOREAN_DIGIT}{{4}}(?![0-9])"
)

_LABEL = re.compile(r"전화|연락|핸드폰|휴대|폰|번호|대표|팩스|tel|phone|fax|mobile|call|☎|📞|📱", re.IGNORECASE)
_LOCAL_LABEL = re.compile(r"(?:전화(?:번호)?|연락처|팩스|tel|phone|fax|☎|📞)[\s:.]{0,3}$", re.IGNORECASE)


def find_phones(text: str) -> Iterator[Span]:
    """Yield the phone numbers in `text` (in one spelling)."""
    for match in _MOBILE.finditer(text):
        if match[0].count("*") < 5 and not _is_count(text, match):
            yield Span("phone", match.start(), match.end())
    for match in _LAND.finditer(text):
        spaced = not any(mark in match[0] for mark in "-.)/")
        if not (spaced and not labelled(_LABEL, text, match.start(), match.end(), 16, 6)):
            yield Span("phone", match.start(), match.end())
    for match in _LAND_BARE.finditer(text):
        if labelled(_LABEL, text, match.start(), match.end(), 12, 6) and not other_number(text, match.start()):
            yield Span("phone", match.start(), match.end())
    for pattern in (_KOREA, _ABROAD):
        for match in pattern.finditer(text):
            if 9 <= len(digits(match[0])) <= 15:
                yield Span("phone", match.start(), match.end())
    for match in _LOCAL.finditer(text):
        if _LOCAL_LABEL.search(text[max(0, match.start() - 12) : match.start()]):
            yield Span("phone", match.start(), match.end())


def find_spelt_phones(text: str) -> Iterator[Span]:
    """Yield the phone numbers spelt in Korean digits (공일공 …)."""
    for match in _SPELT.finditer(text):
        yield Span("phone", match.start(), match.end())


def _is_count(text: str, match: re.Match[str]) -> bool:
    """Without a mark between its parts it may be a parcel's number, or zeros and ones."""
    return match[0].isdigit() and (set(match[0]) == {"0", "1"} or other_number(text, match.start()))
