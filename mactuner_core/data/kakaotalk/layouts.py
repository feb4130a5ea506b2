"""The layouts of KakaoTalk exports as patterns, and which one a file has.

A layout is found by its content, never by the name of the file. Each pattern matches whole lines: a line that matches
none continues the message before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Language = Literal["ko", "en"]

_HOUR = r"(?:[01]?\d|2[0-3]):[0-5]\d"
_TIME_KO = rf"(?P<time>(?:오[전후] )?{_HOUR})"
_TIME_EN = rf"(?P<time>{_HOUR}(?:[ \u00a0\u202f][AP]M)?)"  # newer phones put a narrow space before AM
_DAY_KO = r"\d{4}년 \d{1,2}월 \d{1,2}일"
_WEEKDAY_KO = r"[월화수목금토일]요일"
_DAY_EN = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{1,2}, \d{4}"
_END = r"[ \t]*\r?$"
# The sender ends at the first " : "; a line without one is a system line.
_SENDER = r"(?:(?P<sender>[^\n]*?) :(?: |(?=\r?$)))?"
_TEXT = r"(?P<text>[^\n]*)"
_FIELD = r'"[^"]*+(?:""[^"]*+)*+"'

TITLE = re.compile(r"(?:(.+?)(?: ?님과)? 카카오톡 대화|(.+?) (?:with )?KakaoTalk Chats|KakaoTalk Chats with (.+))")
SAVED = re.compile(r"(?:저장한 날짜|Date Saved) ?: ?(.+)")
CSV_HEADER = re.compile(r'"?Date"?,"?User"?,"?Message"?')
DASHES = re.compile(r"-{3,}")

HEAD_LINES = 400  # looked at to find the layout
HEAD_CHARACTERS = 200_000
HEADER_LINES = 5
LEAST_SHARE = 0.1  # without a header, at least this share of the first lines must be records


@dataclass(frozen=True)
class Layout:
    """How one kind of export is written.

    `record` has the groups date (empty where a date line gives the day), time, sender (None or empty: a system line)
    and text; `date` is a line that starts a day; `quoted` fields are those of CSV.
    """

    name: str
    language: Language
    record: re.Pattern[str]
    date: re.Pattern[str] | None
    dated: bool = True
    quoted: bool = False
    untimed_system: re.Pattern[str] | None = None


def _windows(time: str) -> re.Pattern[str]:
    text = rf"(?: |(?=\r?$)){_TEXT}"
    return re.compile(rf"^(?P<date>)\[(?P<sender>[^\n]*?)\] \[{time}\]{text}", re.MULTILINE)


def _line(pattern: str) -> re.Pattern[str]:
    return re.compile(f"^{pattern}", re.MULTILINE)


_NO_BULLET = r"(?![-·•*>\"'])"  # a list or a quotation in somebody's message
_SYSTEM_KO = re.compile(
    rf"{_NO_BULLET}(?:.{{0,80}}\S님이 (?:.{{1,300}}님을 )?(?:초대(?:하였|했)|나갔|들어왔|내보냈)습니다|.{{0,80}}\S님을 내보냈습니다"
    r"|채팅방 관리자가 메시지를 가렸습니다)\.?"
)
# "Alex left." is a system line, "He left." and "the bus left." are what somebody wrote in a second line.
_SYSTEM_EN = re.compile(
    rf"{_NO_BULLET}(?!(?:I|You|He|She|It|We|They|The|An?|My|Our|Your|His|Her|Their|This|That|Everyone|Nobody|Someone|And|But|Then)\b)"
    r"(?![a-z])[^.!?\n]{1,80} (?:invited (?!(?:me|us|you|him|her|them|everyone)\b).{1,300}|left|joined)\."
)

LAYOUTS = (
    Layout(
        "windows_ko",
        "ko",
        _windows(_TIME_KO),
        _line(rf"-{{3,}} (?P<date>{_DAY_KO})(?: {_WEEKDAY_KO})? -{{3,}}{_END}"),
        dated=False,
        untimed_system=_SYSTEM_KO,
    ),
    Layout(
        "windows_en",
        "en",
        _windows(_TIME_EN),
        _line(rf"-{{3,}} (?:[A-Z][a-z]+day, )?(?P<date>{_DAY_EN}) -{{3,}}{_END}"),
        dated=False,
        untimed_system=_SYSTEM_EN,
    ),
    Layout(
        "android_ko",
        "ko",
        _line(rf"(?P<date>{_DAY_KO}) {_TIME_KO}, {_SENDER}{_TEXT}"),
        _line(rf"(?P<date>{_DAY_KO})(?: {_WEEKDAY_KO})?(?: (?:오[전후] )?{_HOUR})?{_END}"),
    ),
    Layout(
        "ios_ko",
        "ko",
        _line(rf"(?P<date>\d{{4}}\. \d{{1,2}}\. \d{{1,2}}\.) {_TIME_KO}(?:, {_SENDER}|: ){_TEXT}"),
        _line(rf"(?:-{{3,}} )?(?P<date>{_DAY_KO}) {_WEEKDAY_KO}(?: -{{3,}})?{_END}"),
    ),
    Layout(
        "ios_ko_time",
        "ko",
        # "오후 3:17, 강남역" may be somebody's second line: without a sender it must end as system lines do
        _line(rf"(?P<date>)(?P<time>오[전후] {_HOUR}), (?:{_SENDER[:-1]}|(?=[^\n]*다\.?\r?$)){_TEXT}"),
        _line(rf"(?:-{{3,}} )?(?P<date>{_DAY_KO}) {_WEEKDAY_KO}(?: -{{3,}})?{_END}"),
        dated=False,
    ),
    Layout(
        "mobile_en",
        "en",
        _line(rf"(?P<date>{_DAY_EN})(?: at |, ){_TIME_EN}, {_SENDER}{_TEXT}"),
        _line(rf"(?:[A-Z][a-z]+day, )?(?P<date>{_DAY_EN})(?:(?: at |, ){_HOUR}(?:[ \u00a0\u202f][AP]M)?)?{_END}"),
    ),
    Layout(
        "macos_csv",
        "ko",
        _line(
            rf"(?P<date>\d{{4}}-\d\d-\d\d) (?P<time>{_HOUR}(?::[0-5]\d)?),"
            rf'(?P<sender>{_FIELD}|[^,"\n]*),(?P<text>{_FIELD}(?=\r?$)|[^\n]*)'
        ),
        None,
        quoted=True,
    ),
)


def find_layout(text: str) -> Layout | None:
    """Return the layout of an export, or None when `text` is not one."""
    head = text[: _end_of_head(text)]
    lines = [line for line in head.split("\n") if line.strip("\ufeff \t\r")]
    best = max((_score(layout, head, lines), -number) for number, layout in enumerate(LAYOUTS))
    score, layout = best[0], LAYOUTS[-best[1]]
    if not score or (score < len(lines) * LEAST_SHARE and not has_header(text)):
        return None
    return layout


def has_header(text: str) -> bool:
    """Tell whether the text starts as an export does: "… 카카오톡 대화", "저장한 날짜 : …", "Date,User,Message"."""
    first = (line.strip("\ufeff \t\r") for line in text[:2000].split("\n", HEADER_LINES)[:HEADER_LINES])
    return any(TITLE.fullmatch(line) or SAVED.fullmatch(line) or CSV_HEADER.fullmatch(line) for line in first)


def title_of(line: str) -> str | None:
    """Return the name of the chat in the first line of an export, if it is one."""
    found = TITLE.fullmatch(line) if "카카오톡" in line or "KakaoTalk" in line else None
    return next((name for name in found.groups() if name), None) if found else None


def _end_of_head(text: str) -> int:
    end = 0
    for _ in range(HEAD_LINES):
        end = text.find("\n", end) + 1
        if not end or end > HEAD_CHARACTERS:
            return HEAD_CHARACTERS
    return end


def _score(layout: Layout, head: str, lines: list[str]) -> int:
    """Return the number of lines that are records or dates of `layout`; 0 without a single record."""
    if layout.quoted and not (lines and CSV_HEADER.fullmatch(lines[0].strip("\ufeff \t\r"))):
        return 0
    records = sum(1 for _ in layout.record.finditer(head))
    dates = sum(1 for _ in layout.date.finditer(head)) if layout.date else 0
    return records + dates if records else 0
