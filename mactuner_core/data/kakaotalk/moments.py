"""Dates and times as KakaoTalk writes them, as numbers: days since 1970-01-01 and seconds of the day, both local."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

DAY_S = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_NUMBER = re.compile(r"\d+")
_MONTH = re.compile(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")


def read_day(written: str) -> int | None:
    """Return the day of "2026년 10월 1일", "2026. 10. 1.", "2026-10-01" or "Oct 1, 2026"; None when there is no such day."""
    numbers = [int(number) for number in _NUMBER.findall(written)]
    month = _MONTH.search(written)
    if len(numbers) < (2 if month else 3):
        return None
    year, month_number, day = numbers[:3] if not month else (numbers[1], _MONTHS.index(month[1]) + 1, numbers[0])
    try:
        return date(year, month_number, day).toordinal() - _EPOCH
    except ValueError:
        return None


def read_clock(written: str) -> int:
    """Return the second of the day of "오후 3:15", "15:15", "3:15 PM" or "15:15:02"; 오전 12:05 is 00:05."""
    found = _CLOCK.search(written)
    if not found:
        return 0
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if "오전" in written or "AM" in written:
        hour %= 12
    elif "오후" in written or "PM" in written:
        hour = hour % 12 + 12
    return hour * 3600 + minute * 60 + second


def read_moment(written: str) -> datetime | None:
    """Return the date and time in `written`, such as the day an export was saved."""
    day = read_day(written)
    return None if day is None else moment(day * DAY_S + read_clock(written))


def moment(seconds: int) -> datetime:
    """Return the local date and time that is `seconds` after 1970-01-01 00:00, without a time zone."""
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)
