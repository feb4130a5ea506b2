"""Card numbers and bank accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mactuner_core.data.privacy.context import LEFT, RIGHT, digits, labelled, other_number
from mactuner_core.data.privacy.spans import Span

_CARD = re.compile(
    LEFT + r"(?:[0-9]{4}([- .]?)[0-9]{4}\1[0-9]{4}\1[0-9]{4}|3[47][0-9]{2}([- ]?)[0-9]{6}\2[0-9]{5})" + RIGHT
)
_CARD_HIDDEN = re.compile(LEFT + r"[0-9]{4}[- ]?[0-9*]{4}[- ]?[0-9*]{4}[- ]?[0-9*]{4}" + RIGHT)
_CARD_LABEL = re.compile(r"카드|card|결제\s?수단|visa|master|아멕스|amex", re.IGNORECASE)

_ACCOUNT = re.compile(LEFT + r"(?:[0-9]{2,7}(?:-[0-9]{1,8}){1,3}|[0-9]{3,6}(?: [0-9]{2,6}){2,3}|[0-9]{10,14})" + RIGHT)
_BANKS = "국민|신한|우리|하나|기업|농협|수협|대구|부산|광주|전북|경남|제주|산업|외환|씨티|제일|카카오|토스|케이|아이엠"
_BANK = re.compile(
    rf"(?:{_BANKS}|[A-Za-z가-힣]{{1,4}}저축|KB|NH|IBK|SC|DGB|iM|신용)\s?(?:은행|뱅크|bank)|카뱅|토뱅|케뱅|새마을|신협|우체국|농협|수협|SC제일"
    r"|(?<![A-Za-z])(?:KB|NH|IBK)(?![A-Za-z])|계좌|통장|예금주|account",
    re.IGNORECASE,
)
_SHORT_BANK = re.compile(rf"(?<![가-힣])(?:{_BANKS})(?:이야|은|는|으로|로)?(?![가-힣])")
_DATE = re.compile(r"(?:19|20)[0-9]{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12][0-9]|3[01])(?:-|$|[0-2][0-9][0-5][0-9])")


def find_money_numbers(text: str) -> Iterator[Span]:
    """Yield cards (Luhn, or next to the word) and accounts (near a bank's name) in `text` (in one spelling)."""
    for match in _CARD.finditer(text):
        near = labelled(_CARD_LABEL, text, match.start(), match.end())
        if near or (_is_card(digits(match[0])) and not other_number(text, match.start())):
            yield Span("card", match.start(), match.end())
    for match in _CARD_HIDDEN.finditer(text):
        if "*" in match[0] and labelled(_CARD_LABEL, text, match.start(), match.end()):
            yield Span("card", match.start(), match.end())
    for match in _ACCOUNT.finditer(text):
        if 10 <= len(digits(match[0])) <= 16 and _is_account(text, match):
            yield Span("bank_account", match.start(), match.end())


def _is_card(number: str) -> bool:
    """Luhn, and a first digit that card networks use (Korean cards for use at home start with 9)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return number[0] in "34569" and total % 10 == 0


def _is_account(text: str, match: re.Match[str]) -> bool:
    start, end = match.span()
    if _DATE.match(match[0]) or other_number(text, start):
        return False
    if labelled(_BANK, text, start, end, 20, 12):
        return True
    return labelled(_SHORT_BANK, text, start, end, 8, 8)
