"""Invented values that stand for real ones: always the same for the same value, and plainly invented.

None can be real: mobile numbers do not begin 010-0, cards do not begin with 0, 192.0.2.0/24 and example.com are reserved
for documentation. A Korean name is replaced by one that takes the same particles (민수야 → 도리야, 지은아 → 도담아).
"""

from __future__ import annotations

import re

from mactuner_core.data.privacy.context import digits
from mactuner_core.data.privacy.names import People, given_name, has_final

_VOWEL_NAMES = "도리 나래 미르 새나 하리 고니 아로 다래 여리 이레 루다 마루 가비 초아 해나 두나 소미 바우 보리 시내 가야 모아 이루나 별하"
_CONSONANT_NAMES = "도담 라온 다솜 나린 해솔 한별 푸름 예솔 늘찬 단솔 보담 온새 가람 아람 새론 한결 잔별 은솔 차돌 꽃님 큰솔 맑은 튼솔 여울"
_AFTER_VOWEL, _AFTER_CONSONANT = _VOWEL_NAMES.split(), _CONSONANT_NAMES.split()
_SURNAME = "가"

# What replaces the n-th value of a kind; `{a}` is n in ten thousands, `{b}` the rest, so that shapes keep their length.
_FORMS = {
    "phone": "010-{a:04d}-{b:04d}",
    "resident_number": "000000-0{n:06d}",
    "foreigner_number": "000000-9{n:06d}",
    "driver_licence": "00-00-{n:06d}-00",
    "passport": "X000X{n:04d}",
    "business_number": "000-00-{n:05d}",
    "card": "0000-0000-{a:04d}-{b:04d}",
    "bank_account": "000-000-{n:06d}",
    "email": "user{n}@example.com",
    "url": "https://example.com/page-{n}",
    "address": "가상시 가상구 가상로 {n}",
    "plate": "00가{n:04d}",
    "messenger_id": "masked_user_{n:04d}",
    "postal_code": "00{n:03d}",
}
_SHAPES = re.compile(
    r"010-0[0-9]{3}-[0-9]{4}|000000-[09][0-9]{6,}|00-00-[0-9]{6,}-00|X000X[0-9]{4,}|000-00-[0-9]{5,}|0000-0000-[0-9]{4,}-[0-9]{4}|000-000-[0-9]{6,}"
    r"|user[0-9]+@example\.com|https://example\.com/page-[0-9]+|192\.0\.2\.[0-9]{1,3}|2001:db8::[0-9a-f]{1,4}|가상시 가상구 가상로 [0-9]+"
    r"|00가[0-9]{4,}|masked_user_[0-9]{4,}|(?<![0-9])00[0-9]{3,}(?![0-9])"
)
_SPELT = str.maketrans("공영일이삼사오육륙칠팔구", "001234566789")


class Pseudonyms:
    """The pseudonyms given so far; one object serves one dataset."""

    def __init__(self, people: People | None = None) -> None:
        self._people = people
        self._given: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._taken = set(people.forms) if people else set()

    def replace(self, kind: str, value: str) -> str:
        """Return the pseudonym of `value` (as it is written in the text)."""
        if kind == "name":
            return self._name(value)
        key = (kind, _same(kind, value))
        if key not in self._given:
            self._given[key] = _value(kind, self._count(kind))
        return self._given[key]

    def _name(self, value: str) -> str:
        value = value.replace(" ", "") if has_hangul(value) else value
        given = given_name(value)
        person = self._people.person(value) if self._people else None
        key = ("name", f"#{person}" if person is not None else given or value)
        if key not in self._given:
            self._given[key] = self._new_name(value)
        return _SURNAME + self._given[key] if given and has_hangul(value) else self._given[key]

    def _new_name(self, value: str) -> str:
        if not has_hangul(value):
            return f"Person{self._count('latin name')}"
        pool = _AFTER_CONSONANT if "가" <= value[-1] <= "힣" and has_final(value) else _AFTER_VOWEL
        while True:
            count = self._count("name " + pool[0]) - 1
            name = pool[count % len(pool)] + (str(count // len(pool) + 1) if count >= len(pool) else "")
            if name not in self._taken and _SURNAME + name not in self._taken:
                return name

    def _count(self, kind: str) -> int:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]


def without_pseudonyms(text: str) -> str:
    """Return `text` with every invented value (but names) replaced by a mark that no finder takes for anything."""
    return _SHAPES.sub("◇", text)


def is_invented_name(name: str) -> bool:
    """Return whether `name` is one of the invented names."""
    bare = name.removeprefix(_SURNAME).rstrip("0123456789")
    return bare in _AFTER_VOWEL or bare in _AFTER_CONSONANT or bare == "Person"


def has_hangul(text: str) -> bool:
    """Return whether `text` has a Hangul syllable."""
    return any("가" <= character <= "힣" for character in text)


def _value(kind: str, n: int) -> str:
    if kind == "ip":
        return f"192.0.2.{n}" if n < 255 else f"2001:db8::{n:x}"
    return _FORMS[kind].format(n=n, a=n // 10000, b=n % 10000)


def _same(kind: str, value: str) -> str:
    """Return what two spellings of one value have in common."""
    if kind == "phone":
        number = digits(value.translate(_SPELT))
        return "0" + number[2:].lstrip("0") if number.startswith("82") else number
    if kind in ("address", "plate", "email", "messenger_id"):
        return "".join(value.split()).lower().lstrip("@")
    return digits(value) if kind in ("card", "bank_account", "business_number", "driver_licence") else value
