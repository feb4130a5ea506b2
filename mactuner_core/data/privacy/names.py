"""Names of people: those the caller knows, in every form they are called by, and those behind a label such as 예금주.

김민수 is also 민수, 민수야, 민수가, 김 민수, and another 박민수 is somebody too. A name inside a longer word (민수기) is none,
and a given name that is an ordinary word (하늘, 수정) counts only where the word would not stand so (하늘아, 하늘이가, 하늘씨).
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator

from mactuner_core.data.privacy.spans import Span
from mactuner_core.data.privacy.words import (
    BARE_WORD_NAMES,
    COMMON_SURNAMES,
    DOUBLE_SURNAMES,
    NOUN_NAMES,
    PARTICLES,
    SURNAMES,
    TITLES,
    VERB_ENDINGS,
    VERB_NAMES,
)

_HANGUL = re.compile(r"[가-힣]+")
_AFTER = rf"(?=(?:이?(?:{TITLES}))?(?:{PARTICLES}){{0,3}}(?![가-힣]))"
_AFTER_SOMETHING = rf"(?= ?(?:{TITLES})(?:{PARTICLES}){{0,2}}(?![가-힣])|(?:{PARTICLES}){{1,3}}(?![가-힣])|[^가-힣 ]|$)"
_CALLED = (
    rf"(?= ?(?:씨|님|언니|오빠|누나|선배|선생|쌤|샘|형(?![가-힣]))|(?:한테|에게|께)|(?:{TITLES})(?:{PARTICLES})?(?![가-힣])"
    r"|이(?:가|는|를|도|만|한테|네|의|야|랑은|보고|거|꺼)(?![가-힣])|네(?= |$))"
)

_LABELLED = re.compile(
    r"(?:예금주|성명|성함|이름|수취인|수령인|받는 ?(?:분|사람)|보내는 ?(?:분|사람)|주문자(?: ?성함)?|고객명|신청인|환자명|보호자|담당자|대표자|계약자|임차인|임대인) ?[:：] ?"
    rf"([{SURNAMES}][가-힣]{{2}})(?=(?:씨|님|입니다|이고|$|[^가-힣]))"
    rf"|(?:예금주(?:는|가)?|성명|성함은?) ([{SURNAMES}][가-힣]{{2}})(?=(?:씨|님|입니다|이고|이야|임|$|[^가-힣]))"
)
LABEL_HINT = re.compile(r"(?:예금주|성명|성함)[는가은]?[ :：]|(?:이름|인|분|사람|자|명)\s?[:：]")
_FORM_WORDS = "정하기 공모전 미정 추후 변경 확인 조회 지정 선택 없음 동일 상동 본인 명의자 현금만 전부다 조회가 확인이 변경이 주문자 정보가"
_NO_NAME = frozenset(_FORM_WORDS.split())


class People:
    """The people the caller knows, and how to find them; `names` are full names, given names or nicknames."""

    def __init__(self, names: Iterable[str]) -> None:
        self.forms: dict[str, int] = {}
        parts: list[str] = []
        for person, name in enumerate(dict.fromkeys(filter(None, (_plain(name) for name in names)))):
            for form, pattern in _forms(name):
                if form not in self.forms:
                    self.forms[form] = person
                    parts.append(pattern)
        parts.sort(key=len, reverse=True)
        self._pattern = re.compile("|".join(parts)) if parts else None
        self._hint = re.compile("|".join(map(re.escape, self.forms))) if parts else None

    def hinted(self, text: str) -> bool:
        """Return whether some form of a name occurs in `text`, as letters (cheap)."""
        return self._hint is not None and self._hint.search(text) is not None

    def find(self, text: str) -> Iterator[Span]:
        """Yield the names in `text` (in one spelling)."""
        if self._pattern is not None:
            for match in self._pattern.finditer(text):
                yield Span("name", match.start(), match.end())

    def person(self, found: str) -> int | None:
        """Return which person (an index) the found letters belong to; None: somebody else."""
        return self.forms.get(found.replace(" ", ""), self.forms.get(found))


@functools.lru_cache(maxsize=32)
def people(names: tuple[str, ...]) -> People:
    """Return the People of `names`, made once."""
    return People(names)


def find_labelled_names(text: str) -> Iterator[Span]:
    """Yield the full names behind a label: 예금주 박가상, 성명: 김영희."""
    for match in _LABELLED.finditer(text):
        group = 1 if match[1] else 2
        if match[group] not in _NO_NAME:
            yield Span("name", match.start(group), match.end(group))


def given_name(full: str) -> str | None:
    """Return the given name of a full Korean name, or None when it has no surname we know or is one syllable."""
    if not _HANGUL.fullmatch(full):
        return None
    if full[:2] in DOUBLE_SURNAMES:
        return full[2:] if len(full) == 4 else None
    return full[1:] if len(full) == 3 and full[0] in SURNAMES else None


def _plain(name: str) -> str:
    """Return the name without the decoration of a profile: ♥, emoji, brackets at its ends."""
    name = unicodedata.normalize("NFC", name).strip()
    stripped = re.sub(r"^[^0-9A-Za-z가-힣]+|[^0-9A-Za-z가-힣]+$", "", name)
    return stripped if len(stripped) > 1 else ""


def _forms(name: str) -> Iterator[tuple[str, str]]:
    """Yield each form of a name with its pattern."""
    if not _HANGUL.search(name):
        parts = [part for part in re.split(r"[ ,.]+", name) if len(part) > 2 and not part.isdigit()]
        for form in dict.fromkeys([name, *parts]):
            yield form, rf"(?<![A-Za-z0-9_@.])(?:{re.escape(form)}|{re.escape(form.upper())})(?![A-Za-z0-9_@])"
        return
    given = given_name(name)
    if given is None:
        yield name, rf"(?<![가-힣A-Za-z0-9]){re.escape(name)}{_AFTER}"
        return
    surname = name[: len(name) - len(given)]
    yield name, rf"(?<![가-힣A-Za-z0-9]){surname} ?{given}{_AFTER}"
    anybody = rf"(?<![가-힣A-Za-z0-9])[{COMMON_SURNAMES}]{given}{_AFTER}"
    beside_a_mark = rf"(?<=[♥♡❤💕&+/·]){given}(?![가-힣])"
    pattern = f"{anybody}|{beside_a_mark}|(?<![가-힣A-Za-z0-9]){given}{_after(given)}"
    if given not in NOUN_NAMES | VERB_NAMES:
        pattern += f"|{given}(?={_vocative(given)}(?![가-힣]))"  # 안녕민수야
    yield given, pattern


def _after(given: str) -> str:
    if given in NOUN_NAMES:
        vocative = _vocative(given)
        return _CALLED[:-1] + f"|{vocative}(?![가-힣]))"
    if given in VERB_NAMES:
        return f"(?!{VERB_ENDINGS}){_AFTER}"
    return _AFTER_SOMETHING if given in BARE_WORD_NAMES else _AFTER


def _vocative(given: str) -> str:
    return "아" if has_final(given) else "야"


def has_final(word: str) -> bool:
    """Return whether the last syllable of a Hangul word ends in a consonant, which decides the particles behind it."""
    return (ord(word[-1]) - 0xAC00) % 28 != 0
