"""Random chats, written in every layout as KakaoTalk would write them: what is read back must be what was written."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

Said = tuple[datetime, str, str]  # time, sender ("" for a system line), text

NAMES = (
    "이지은",
    "김 민수",
    "[팀장] 한지민",
    "🌷",
    "Alex Kim",
    "오:콜론",
    "a] [b",
    "김, 막내",
    "사진",
    "(알 수 없음)",
    "]",
    "[",
)
WORDS = (
    "밥", "사진", "이모티콘", "[공지]", "] [", "오후 3:15", "3:15", ":", " : ", "님이", "나갔습니다.", "---", "2026년", "10월", "1일",
    "목요일", "\"따옴표\"", ",", "👩‍👩‍👧", "ㅋㅋㅋ", "http://a.b", "Oct 1, 2026", "\u2028", "\x0b", "\x85", "\t", "left.", "", "[이지은]",
)  # fmt: skip
WEEKDAYS = "월화수목금토일"


def random_chat(chance: random.Random, names: tuple[str, ...]) -> list[Said]:
    """Return messages in the order of their minutes, with a system line now and then."""
    time = datetime(2026, 2, 27, 22, 50)
    chat: list[Said] = []
    for _ in range(chance.randrange(1, 60)):
        time += timedelta(minutes=chance.choice([0, 0, 1, 7, 70, 700, 3000]))
        if chance.random() < 0.05:
            chat.append((time, "", chance.choice(["하늘님이 바다님을 초대했습니다.", "바다님이 나갔습니다."])))
        else:
            chat.append((time, chance.choice(names), random_text(chance)))
    return chat


def random_text(chance: random.Random) -> str:
    """Return one to six lines; a further line never has the whole form of a record, and the last one is not blank."""
    lines = [" ".join(chance.choices(WORDS, k=chance.randrange(0, 6))) for _ in range(chance.choice([1, 1, 1, 2, 6]))]
    lines[1:] = [f"· {line}" if chance.random() < 0.8 else "" for line in lines[1:]]
    return "\n".join(lines).rstrip("\n")


def korean(time: datetime) -> str:
    return f"{'오전' if time.hour < 12 else '오후'} {(time.hour - 1) % 12 + 1}:{time.minute:02d}"


def english(time: datetime) -> str:
    return f"{(time.hour - 1) % 12 + 1}:{time.minute:02d} {'AM' if time.hour < 12 else 'PM'}"


def clock(time: datetime) -> str:
    return f"{time.hour}:{time.minute:02d}"


def day_ko(time: datetime, weekday: bool = True) -> str:
    day = f"{time.year}년 {time.month}월 {time.day}일"
    return f"{day} {WEEKDAYS[time.weekday()]}요일" if weekday else day


def day_en(time: datetime, month: str = "%B") -> str:
    return f"{time.strftime(month)} {time.day}, {time.year}"


def _written(
    header: str,
    chat: list[Said],
    date_line: Callable[[datetime], str],
    record: Callable[[datetime, str, str], str],
) -> str:
    lines, day = [header], None
    for time, sender, text in chat:
        if time.date() != day:
            day = time.date()
            lines.append(date_line(time))
        lines.append(record(time, sender, text))
    return "\n".join(lines) + "\n"


def _windows(header: str, chat: list[Said], date: Callable[[datetime], str], time_of: Callable[[datetime], str]) -> str:
    return _written(
        header,
        chat,
        lambda time: f"--------------- {date(time)} ---------------",
        lambda time, sender, text: f"[{sender}] [{time_of(time)}] {text}",
    )


def windows_ko(chat: list[Said]) -> str:
    return _windows("방 님과 카카오톡 대화\n저장한 날짜 : 2026-10-02 14:23:11\n", chat, day_ko, korean)


def windows_ko_24h(chat: list[Said]) -> str:
    return _windows("방 님과 카카오톡 대화\n저장한 날짜 : 2026-10-02 14:23:11\n", chat, day_ko, clock)


def windows_en(chat: list[Said]) -> str:
    header = "방 with KakaoTalk Chats\nDate Saved: 2026-10-02 14:23:11\n"
    return _windows(header, chat, lambda time: f"{time:%A}, {day_en(time)}", english)


def _mobile(header: str, chat: list[Said], date: Callable[[datetime], str], stamp: Callable[[datetime], str]) -> str:
    def record(time: datetime, sender: str, text: str) -> str:
        return f"{stamp(time)}, {sender} : {text}" if sender else f"{stamp(time)}, {text}"

    return _written(header, chat, lambda time: f"\n{date(time)}", record)


def android_ko(chat: list[Said]) -> str:
    def stamp(time: datetime) -> str:
        return f"{day_ko(time, weekday=False)} {korean(time)}"

    return _mobile("방 카카오톡 대화\n저장한 날짜 : 2026년 10월 2일 오후 2:23\n", chat, stamp, stamp)


def ios_ko(chat: list[Said]) -> str:
    def stamp(time: datetime) -> str:
        return f"{time.year}. {time.month}. {time.day}. {korean(time)}"

    return _mobile("방 님과 카카오톡 대화\n저장한 날짜 : 2026. 10. 2. 오후 2:23\n", chat, day_ko, stamp)


def ios_ko_time(chat: list[Said]) -> str:
    header = "방 님과 카카오톡 대화\n저장한 날짜 : 2026. 10. 2. 오후 2:23\n"
    return _mobile(header, chat, lambda time: f"-----\n{day_ko(time)}\n-----", korean)


def mobile_en_24h(chat: list[Said]) -> str:
    return _mobile(
        "", chat, lambda time: f"{time:%A}, {day_en(time)}", lambda time: f"{day_en(time, '%b')} at {clock(time)}"
    )


def mobile_en_12h(chat: list[Said]) -> str:
    return _mobile("", chat, lambda time: f"{time:%A}, {day_en(time)}", lambda time: f"{day_en(time)}, {english(time)}")


def macos_csv(chat: list[Said]) -> str:
    def quoted(field: str) -> str:
        return '"' + field.replace('"', '""') + '"'

    rows = [f"{time:%Y-%m-%d %H:%M:%S},{quoted(sender)},{quoted(text)}" for time, sender, text in chat]
    return "\n".join(["Date,User,Message", *rows]) + "\n"


WRITERS: dict[str, Callable[[list[Said]], str]] = {
    writer.__name__: writer
    for writer in (
        windows_ko,
        windows_ko_24h,
        windows_en,
        android_ko,
        ios_ko,
        ios_ko_time,
        mobile_en_24h,
        mobile_en_12h,
        macos_csv,
    )
}
