"""Who speaks how much and when in a chat."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mactuner_core.data.kakaotalk.parse import parse
from mactuner_core.data.statistics.chat import chat_statistics
from mactuner_core.data.statistics.select import rows_in
from mactuner_core.data.text_file import TextFile, read_text_file
from tests.conftest import SAMPLES

CHAT = """--------------- 2026년 11월 20일 금요일 ---------------
[지은] [오전 9:00] 안녕
[나] [오전 9:59] 응
나님이 나갔습니다.
[지은] [오후 11:00] 자?
--------------- 2026년 11월 22일 일요일 ---------------
[지은] [오전 9:00] 일어나
"""


def test_counted_by_hand() -> None:
    found = chat_statistics(parse(TextFile(Path("chat.txt"), CHAT, "utf-8", "")))
    figures = found.as_dict()["chat"]
    jieun, me = figures["speakers"]
    assert (jieun["name"], jieun["messages"], jieun["characters"]) == ("지은", 3, 2 + 2 + 3)
    assert (me["name"], me["messages"], me["characters"]) == ("나", 1, 1)
    assert figures["said"] == 4
    hours = {(day, hour): count for day, row in enumerate(figures["week"]) for hour, count in enumerate(row) if count}
    assert hours == {(4, 9): 2, (4, 23): 1, (6, 9): 1}
    assert jieun["week"][4][9] == 1
    assert rows_in(found, "week", 4 * 24 + 9) == [0, 1]
    assert rows_in(found, "speakers", 1) == [1]


def test_the_sample_chat() -> None:
    chat = parse(read_text_file(SAMPLES / "kakaotalk_two_people.txt"))
    found = chat_statistics(chat)
    figures = found.as_dict()["chat"]
    assert {each["name"]: each["messages"] for each in figures["speakers"]} == chat.speakers
    said = [message for message in chat.messages if message.sender]
    wanted = Counter((message.time.weekday(), message.time.hour) for message in said if message.time)
    hours = {(day, hour): count for day, row in enumerate(figures["week"]) for hour, count in enumerate(row) if count}
    assert hours == dict(wanted)
    (day, hour), count = wanted.most_common(1)[0]
    clicked = rows_in(found, "week", day * 24 + hour)
    assert len(clicked) == count
    assert {(time.weekday(), time.hour) for row in clicked if (time := chat.messages[row].time)} == {(day, hour)}
