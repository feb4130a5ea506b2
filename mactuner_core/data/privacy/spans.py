"""The kinds of personal data, their texts, and how overlapping finds are settled."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """One find: `start` and `end` are character offsets into the text that was given."""

    kind: str
    start: int
    end: int


class Kind(NamedTuple):
    """What stands in the text instead (`tag`) and what people read on screen."""

    tag: str
    ko: str
    en: str


# In the order in which a tie between finds of equal length is settled: the more specific kind first.
KINDS: dict[str, Kind] = {
    "name": Kind("[이름]", "이름", "Names"),
    "phone": Kind("[전화번호]", "전화번호", "Phone numbers"),
    "resident_number": Kind("[주민등록번호]", "주민등록번호", "Resident registration numbers"),
    "foreigner_number": Kind("[외국인등록번호]", "외국인등록번호", "Foreigner registration numbers"),
    "driver_licence": Kind("[운전면허번호]", "운전면허번호", "Driver's licence numbers"),
    "passport": Kind("[여권번호]", "여권번호", "Passport numbers"),
    "business_number": Kind("[사업자등록번호]", "사업자등록번호", "Business registration numbers"),
    "card": Kind("[카드번호]", "카드번호", "Card numbers"),
    "bank_account": Kind("[계좌번호]", "계좌번호", "Bank accounts"),
    "email": Kind("[이메일]", "이메일", "E-mail addresses"),
    "url": Kind("[URL]", "식별 정보가 든 URL", "URLs that identify"),
    "ip": Kind("[IP주소]", "IP 주소", "IP addresses"),
    "address": Kind("[주소]", "주소", "Addresses"),
    "plate": Kind("[차량번호]", "차량번호", "Vehicle plates"),
    "messenger_id": Kind("[메신저ID]", "메신저 ID", "Messenger IDs"),
    "postal_code": Kind("[우편번호]", "우편번호", "Postal codes"),
}
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


def settle(found: Iterable[Span]) -> list[Span]:
    """Return the finds without overlaps, in order: of two that overlap, the longer stays."""
    kept: list[Span] = []
    starts: list[int] = []
    for span in sorted(found, key=lambda span: (span.start - span.end, _RANK[span.kind], span.start)):
        place = bisect.bisect_left(starts, span.start)
        clear_before = place == 0 or kept[place - 1].end <= span.start
        if clear_before and (place == len(kept) or span.end <= starts[place]):
            kept.insert(place, span)
            starts.insert(place, span.start)
    return kept
