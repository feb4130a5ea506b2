"""What stands around a number decides what it is: the label before it, the unit after it."""

from __future__ import annotations

import re

# A number starts and ends here: no letter, digit or part number goes on. Korean particles may follow at once.
LEFT = r"(?<![0-9A-Za-z*])(?<![0-9A-Za-z]-)(?<![0-9]\.)"
RIGHT = r"(?![0-9A-Za-z*])(?!-[0-9A-Za-z*])(?!\.[0-9])"

_OTHER_NUMBER = re.compile(
    r"(?:(?:주문|송장|예약|예매|접수|승인|거래|상품권?|제품|일련|쿠폰|사건|문서|티켓|인증|회원|학|사|수험|관리|고유|추적|기기|부품|모델|품목|등급)\s?"
    r"(?:번호|코드|ID)|운송장|송장|품번|모델명?|시리얼|바코드|쿠폰|상품권|영수증|ISBN|S/?N|version|버전|serial|model|order|invoice|tracking|coupon|part)"
    r"(?:\s?(?:no|number|번호|코드))?[\s:.#=은는이가]{0,4}$",
    re.IGNORECASE,
)


def labelled(label: re.Pattern[str], text: str, start: int, end: int, before: int = 16, after: int = 0) -> bool:
    """Return whether `label` occurs up to `before` characters before the number or `after` characters behind it."""
    if label.search(text, max(0, start - before), start):
        return True
    return after > 0 and label.search(text, end, end + after) is not None


def near(word: re.Pattern[str], text: str, match: re.Match[str], distance: int) -> bool:
    """Return whether `word` occurs within `distance` characters of the match, on its line."""
    start = max(0, match.start() - distance)
    start = max(start, text.rfind("\n", start, match.start()) + 1)
    return word.search(text[start : match.end() + distance].partition("\n")[0]) is not None


def other_number(text: str, start: int) -> bool:
    """Return whether the words right before name a number that is nobody's: an order, a parcel, a part, a version."""
    return _OTHER_NUMBER.search(text[max(0, start - 16) : start]) is not None


def digits(text: str) -> str:
    """Return the ASCII digits of `text`."""
    return "".join(character for character in text if "0" <= character <= "9")
