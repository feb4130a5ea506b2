"""`find`: all personal data in a text. One look decides that a text has none, which most chat messages do not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mactuner_core.data.privacy.address import find_addresses, find_postal_codes
from mactuner_core.data.privacy.identity import find_identity_numbers
from mactuner_core.data.privacy.money import find_money_numbers
from mactuner_core.data.privacy.names import LABEL_HINT, People, find_labelled_names, people
from mactuner_core.data.privacy.normal import normal
from mactuner_core.data.privacy.phone import find_phones, find_spelt_phones
from mactuner_core.data.privacy.plate import find_plates
from mactuner_core.data.privacy.spans import Span, settle
from mactuner_core.data.privacy.web import find_emails, find_ips, find_messenger_ids, find_urls

# Without one of these a text has nothing but perhaps a known name: digits, Latin letters, marks, the first syllables of
# 공일공, 골뱅이, 예금주, 성명; Hangul in parts and full-width forms, which are looked at closer.
_ANY = re.compile("[0-9A-Za-z@:공골예성\u1100-\u11ff\uff01-\uff5e\U0001d7ce-\U0001d7ff]")
_LETTER_OR_MARK = re.compile("[A-Za-z@:공골예성]")
_NUMBER = re.compile(
    r"[0-9][0-9\-.()/·~_ *xX●○•■◆+]{5}|[A-Za-z][0-9]{3}|[0-9] ?[가-힣] ?[0-9]{4}|[0-9]동|[로길동리가] ?(?:지하 ?|산 ?)?[0-9]|[A-Z가-하]동[ 0-9]"
    r"|(?:ro|gil)[, ]|자리|우[편)]|[Zz][Ii][Pp]|[Pp]ostal|[0-9A-Fa-f]:[0-9A-Fa-f:]{3}"
)
_LONG_NUMBER = re.compile(r"[0-9][0-9\-.()/·~_ *xX●○•■◆+]{5}|[A-Za-z][0-9]{3}")
_PART_NUMBER = re.compile(r"[앞뒷뒤] ?자리")
_PLATE = re.compile(r"[0-9]{2} ?[가-힣] ?[0-9]{4}")
_PLACE = re.compile(r"[로길동리가] ?(?:지하 ?|산 ?)?[0-9]|[0-9A-Z가-하]동[ 0-9]|(?:ro|gil)[, ]")
_POSTAL = re.compile(r"우[편)]|[Zz][Ii][Pp]|[Pp]ostal|POSTAL")
_SPELT = re.compile("공[일1]|영1|0일")
_WEB = re.compile(r"://|www\.|\.[A-Za-z]{2,5}/")
_AT = re.compile(r"@|골뱅이|[\[(](?:at|AT)[\])]")
_HANDLE = re.compile(r"[@#:]|[A-Za-z0-9][A-Za-z0-9._-]{3}")
_SERVICE = re.compile(
    "[톡텔라위팔]|[인페]스|페[메북]|디스?코|스[카냅레]|트위|왓츠|[틱시][톡그]|[맞선]팔|친추|디엠"
    "|(?i:kakao|tele|insta|line|wech|disc|skyp|twit|what|thre|snap|tikt|dm)"
)
_IP = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f:]{3}")


def find(text: str, names: Sequence[str] = ()) -> list[Span]:
    """Return the personal data in `text`, in order and without overlaps; offsets count characters of `text`.

    `names` are the people the caller knows: full names, given names, nicknames.
    """
    return find_with(text, people(tuple(names)) if names else None)


def find_with(text: str, known: People | None, others: Sequence[Span] = ()) -> list[Span]:
    """Return what `find` returns, for a prepared `People`, together with `others` that are known already."""
    anything = _ANY.search(text) is not None
    if not anything and not others and (known is None or not known.hinted(text)):
        return []
    plain, offsets = normal(text)
    found = list(_found(plain)) if anything else []
    if known is not None and known.hinted(plain):
        found += known.find(plain)
    if offsets is not None:
        found = [Span(kind, offsets[start], offsets[end]) for kind, start, end in found]
    found += others
    return settle(found) if len(found) > 1 else found


def _found(text: str) -> list[Span]:
    found: list[Span] = []
    if _NUMBER.search(text):
        _find_numbers(text, found)
    if _LETTER_OR_MARK.search(text):
        _find_words(text, found)
    return found


def _find_words(text: str, found: list[Span]) -> None:
    if _AT.search(text):
        found += find_emails(text)
    if _WEB.search(text):
        found += find_urls(text)
    if _HANDLE.search(text) and _SERVICE.search(text):
        found += find_messenger_ids(text)
    if _SPELT.search(text):
        found += find_spelt_phones(text)
    if LABEL_HINT.search(text):
        found += find_labelled_names(text)


def _find_numbers(text: str, found: list[Span]) -> None:
    long_number = _LONG_NUMBER.search(text) is not None
    if long_number or _PART_NUMBER.search(text):
        found += find_identity_numbers(text)
    if long_number:
        found += find_money_numbers(text)
        found += find_phones(text)
    if _PLATE.search(text):
        found += find_plates(text)
    addresses = list(find_addresses(text)) if _PLACE.search(text) else []
    if addresses or _POSTAL.search(text):
        found += find_postal_codes(text, addresses)
    found += addresses
    if _IP.search(text):
        found += find_ips(text)
