"""Numbers the state gives: resident and foreigner registration, driver's licence, passport, business registration.

The weights of the check digits are the public ones (they agree with presidio-analyzer's Korean recognisers). Registrations
since October 2020 carry no check digit, so with its hyphen a plausible date of birth is enough.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from mactuner_core.data.privacy.context import LEFT, RIGHT, digits, labelled, other_number
from mactuner_core.data.privacy.spans import Span

_LATEST_BIRTH = 2039
_RESIDENT = re.compile(
    LEFT + r"([0-9]{6})(?: ?- ?)?([1-8])(?:[0-9]{6}|[*xX●○•■◆]{3,6})(?![*xX●○•■◆])" + RIGHT
    + "|" + LEFT + r"([0-9]{6}) ?- ?[*xX●○•■◆]{7}(?![*xX●○•■◆])"
)  # fmt: skip
_RESIDENT_PART = re.compile(r"주민(?:등록)?\s?번호\s?[앞뒷뒤]\s?자리[^0-9]{0,3}([0-9]{6,7})" + RIGHT)
_RESIDENT_LABEL = re.compile(r"주민|외국인|등록\s?번호|거소|RRN|ARC|registration", re.IGNORECASE)

_LICENCE = re.compile(LEFT + r"(?:1[1-9]|2[0-68])([- ]?)[0-9]{2}\1[0-9]{6}\1[0-9]{2}" + RIGHT)
_LICENCE_OLD = re.compile(
    r"(?:서울|부산|대구|인천|광주|대전|울산|경기|강원|충북|충남|전북|전남|경북|경남|제주)[ -]?[0-9]{2}-[0-9]{6}-[0-9]{2}"
    + RIGHT
)
_LICENCE_LABEL = re.compile(r"면허|licen[cs]e", re.IGNORECASE)

_PASSPORT = re.compile(LEFT + r"[MSRODmsrod](?:[0-9]{8}|[0-9]{3}[A-Za-z][0-9]{4})" + RIGHT)
_PASSPORT_NEW = re.compile(r"[MSROD][0-9]{3}[A-Z][0-9]{4}")
_PASSPORT_OTHER = re.compile(LEFT + r"[A-Z](?=[0-9A-Z]{7,8}(?![0-9A-Z]))[A-Z]?[0-9]{2,8}[A-Z]?[0-9]{0,6}" + RIGHT)
_PASSPORT_LABEL = re.compile(r"여권|passport", re.IGNORECASE)

_BUSINESS = re.compile(LEFT + r"[0-9]{3}([- ]?)[0-9]{2}\1[0-9]{5}" + RIGHT)
_BUSINESS_LABEL = re.compile(r"사업자|등록\s?번호|공급(?:자|받는)|법인|business", re.IGNORECASE)


def find_identity_numbers(text: str) -> Iterator[Span]:
    """Yield the numbers of this file's kinds in `text` (in one spelling)."""
    yield from _residents(text)
    yield from _licences(text)
    yield from _passports(text)
    yield from _businesses(text)


def _residents(text: str) -> Iterator[Span]:
    for match in _RESIDENT.finditer(text):
        birth, code = match[1] or match[3], match[2] or "1"
        if not _is_birth(birth, code):
            continue
        number = digits(match[0])
        if len(number) == 13 and match[0].isdigit():
            known = labelled(_RESIDENT_LABEL, text, match.start(), match.end(), 20)
            if not known and (other_number(text, match.start()) or not check_digit_fits(number)):
                continue
        yield Span("foreigner_number" if code in "5678" else "resident_number", match.start(), match.end())
    for match in _RESIDENT_PART.finditer(text):
        yield Span("resident_number", match.start(1), match.end(1))


def _licences(text: str) -> Iterator[Span]:
    for match in _LICENCE.finditer(text):
        near = labelled(_LICENCE_LABEL, text, match.start(), match.end(), 20, 12)
        if near or (match[1] == "-" and not other_number(text, match.start())):
            yield Span("driver_licence", match.start(), match.end())
    for match in _LICENCE_OLD.finditer(text):
        yield Span("driver_licence", match.start(), match.end())


def _passports(text: str) -> Iterator[Span]:
    for match in _PASSPORT.finditer(text):
        near = labelled(_PASSPORT_LABEL, text, match.start(), match.end(), 40, 12)
        if near or (_PASSPORT_NEW.fullmatch(match[0]) and not other_number(text, match.start())):
            yield Span("passport", match.start(), match.end())
    for match in _PASSPORT_OTHER.finditer(text):
        if labelled(_PASSPORT_LABEL, text, match.start(), match.end(), 24):
            yield Span("passport", match.start(), match.end())


def _businesses(text: str) -> Iterator[Span]:
    for match in _BUSINESS.finditer(text):
        known = labelled(_BUSINESS_LABEL, text, match.start(), match.end(), 20)
        if known or (
            match[1] == "-" and business_check_fits(digits(match[0])) and not other_number(text, match.start())
        ):
            yield Span("business_number", match.start(), match.end())


def _is_birth(six: str, code: str) -> bool:
    year = (1900 if code in "1256" else 2000) + int(six[:2])
    try:
        datetime.date(year, int(six[2:4]), int(six[4:]))
    except ValueError:
        return False
    return year <= _LATEST_BIRTH


def check_digit_fits(number: str) -> bool:
    """Return whether the last of 13 digits is the check digit of a resident or foreigner registration."""
    total = sum(
        int(digit) * weight for digit, weight in zip(number, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=False)
    )
    return ((13 if number[6] in "5678" else 11) - total % 11) % 10 == int(number[12])


def business_check_fits(number: str) -> bool:
    """Return whether the last of 10 digits is the check digit of a business registration."""
    if int(number[:3]) < 101:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=False))
    return (10 - (total + int(number[8]) * 5 // 10) % 10) % 10 == int(number[9])
