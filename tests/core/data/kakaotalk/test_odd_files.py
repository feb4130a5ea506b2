"""Files that are no chat, half a chat, or two chats, and lines that could be two things."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mactuner_core.data.kakaotalk.chat import Chat
from mactuner_core.data.kakaotalk.kinds import KINDS, kind_of
from mactuner_core.data.kakaotalk.layouts import find_layout
from mactuner_core.data.kakaotalk.parse import REPORTED_PROBLEMS, parse
from mactuner_core.data.kakaotalk.summary import inspect_chat
from mactuner_core.data.text_file import TextFile
from mactuner_core.errors import InputError
from tests.conftest import SAMPLES

DAY = "--------------- 2026년 10월 1일 목요일 ---------------\n"
LATER = "--------------- 2026년 10월 2일 금요일 ---------------\n"


def read(text: str) -> Chat:
    return parse(TextFile(Path("chat.txt"), text, "utf-8", ""))


def texts(chat: Chat) -> list[str]:
    return [message.text for message in chat.messages]


@pytest.mark.parametrize(
    "text",
    [
        "그냥 글입니다.\n[참고] 대괄호도 있습니다.\n오후 3:15에 만나요.\n",
        "질문,답변\n성년은?,19세입니다.\n",
        '{"messages": [{"role": "user", "content": "[나] [오후 3:15] 안녕"}]}\n',
        "Date,User,Message\n",
        "Date,Name,Message\n2026-02-06 00:00:58,a,b\n",
        "글\n" * 50 + "[나] [오후 3:15] 인용 하나\n",
        "[2026-10-01 15:15:00] INFO started\n",
    ],
)
def test_what_is_no_chat(text: str) -> None:
    assert find_layout(text) is None
    with pytest.raises(InputError, match=r"chat\.txt"):
        read(text)


@pytest.mark.parametrize(
    "name", ["civil_law_qa.csv", "civil_law_qa_messy.csv", "big_five_chatml.jsonl", "documents/product_faq.txt"]
)
def test_the_other_samples_are_no_chats(name: str) -> None:
    assert find_layout((SAMPLES / name).read_text(encoding="utf-8")) is None


def test_the_error_says_what_was_looked_for() -> None:
    with pytest.raises(InputError) as caught:
        read("아무 글\n")
    assert "[오후 3:15]" in caught.value.text("ko")
    assert "Date,User,Message" in caught.value.text("en")
    with pytest.raises(InputError, match="holds no message"):
        read("이지은 님과 카카오톡 대화\n저장한 날짜 : 2026-10-02 14:23:11\n\n")


def test_one_speaker_is_named_as_a_problem() -> None:
    found = inspect_chat(TextFile(Path("chat.txt"), DAY + "[지은] [9:00] 혼잣말\n[] [9:01] 알림\n", "cp949", ""))
    assert found["speakers"] == {"지은": 1}
    assert found["kinds"] == {"text": 1, "system": 1}
    assert (found["format"], found["layout"], found["messages"], found["encoding"]) == (
        "kakaotalk",
        "windows_ko",
        2,
        "cp949",
    )
    assert found["problems"] == [
        {"line": 1, "code": "kakaotalk.one_speaker", "reason": "only 지은 has written; pairs need two speakers"}
    ]
    assert (found["first"], found["last"]) == ("2026-10-01T09:00:00", "2026-10-01T09:01:00")


def test_the_layout_is_the_one_of_most_lines() -> None:
    quoted = "2026년 9월 1일 오후 3:15, 엄마 : 인용\n"
    chat = read(DAY + "[나] [9:00] 봐\n" + quoted * 2 + "[지은] [9:01] 응\n[나] [9:02] 어때\n[지은] [9:03] 글쎄\n")
    assert chat.layout.name == "windows_ko"
    assert texts(chat)[0] == "봐\n" + (quoted * 2).rstrip()


@pytest.mark.parametrize(
    ("line", "in_message"),
    [
        ("--------------- 2026년 10월 1일 목요일 ---------------", True),  # the day that already holds
        ("--------------- 2026년 9월 30일 수요일 ---------------", True),
        ("--------------- 2026년 13월 40일 수요일 ---------------", True),  # no such day
        ("-- 2026년 10월 2일 금요일 --", True),
        ("2026년 10월 2일 금요일", True),
        ("--------------- 2026년 10월 2일 금요일 ---------------", False),
    ],
)
def test_a_date_line_in_a_message(line: str, in_message: bool) -> None:
    chat = read(f"{DAY}[나] [9:00] 봐\n{line}\n이거야\n[지은] [9:01] 응\n")
    assert texts(chat)[0] == (f"봐\n{line}\n이거야" if in_message else "봐")
    last = chat.messages[-1].time
    assert last is not None
    assert last.day == (1 if in_message else 2)


def test_an_earlier_day_is_read_and_named() -> None:
    chat = read(f"{LATER}[나] [9:00] 나중\n{DAY}[지은] [9:01] 먼저\n")
    assert [(problem.line, problem.code) for problem in chat.problems] == [(4, "kakaotalk.time_backwards")]
    assert [message.time.day for message in chat.messages if message.time] == [2, 1]


def test_two_exports_in_one_file() -> None:
    header = "지은 님과 카카오톡 대화\n저장한 날짜 : 2026-10-03 09:00:00\n\n"
    one = header + LATER + "[나] [9:00] 나중 것\n둘째 줄\n"
    chat = read(one + header + DAY + "[지은] [9:01] 먼저 것\n")
    assert texts(chat) == ["나중 것\n둘째 줄", "먼저 것"]
    assert [(problem.line, problem.code) for problem in chat.problems] == [(7, "kakaotalk.another_export")]


def test_lines_before_the_first_message_are_named() -> None:
    chat = read("KakaoTalk_20261003.txt\n모르는 줄\n" + DAY + "[나] [9:00] 안녕\n")
    assert [(problem.line, problem.code) for problem in chat.problems] == [(2, "kakaotalk.before_first")]
    assert texts(chat) == ["안녕"]


def test_a_file_cut_in_the_middle_is_read_up_to_there() -> None:
    whole = DAY + "[나] [오후 3:15] 안녕\n[지은] [오후 3:16] 그래\n"
    assert texts(read(whole[:-11])) == ["안녕\n[지은] [오"]
    assert texts(read(whole.rstrip("\n"))) == ["안녕", "그래"]


def test_problems_are_limited() -> None:
    days = "".join(
        f"--------------- {year}년 1월 {day}일 ---------------\n[나] [9:00] 글\n"
        for year in range(2000, 2060)
        for day in range(28, 0, -1)
    )
    assert len(read(days).problems) == REPORTED_PROBLEMS


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("사진", "photo"), ("사진 12장", "photo"), ("Photos", "photo"), ("사진 보내", "text"), ("사진\n사진", "text"),
        ("a3" * 32 + ".jpg", "photo"), ("동영상", "video"), ("videos", "video"), ("이모티콘", "emoticon"), ("(이모티콘)", "emoticon"),
        ("(이모티콘) ", "text"), ("음성메시지", "voice"), ("파일: a.hwp", "file"), ("파일:", "text"), ("지도: 서울", "map"),
        ("샵검색: #날씨", "search"), ("연락처: 엄마", "contact"), ("삭제된 메시지입니다.", "deleted"), ("보이스톡 해요", "call"),
        ("보이스톡 걸어줘", "text"), ("페이스톡", "call"), ("Voice Call 3:21", "call"), ("라이브톡", "live"),
        ("https://a.b/c?d=e", "link"), ("https://a.b 봐", "text"), ("", "text"), ("http", "text"),
    ],
)  # fmt: skip
def test_kinds(text: str, kind: str) -> None:
    assert KINDS[kind_of(text)] == kind


@pytest.mark.parametrize(
    "line",
    [
        "[" * 200_000,
        "[나] [오후 3:15] " + "[나] [오후 3:1" * 20_000,
        "2026년 10월 1일 오후 3:15, " + "가 :" * 60_000,
        "http://" * 30_000 + " 봐",
        "님이 " * 60_000 + "나갔습니다.",
        "-" * 200_000,
        "카카오톡 " * 50_000,
        '2026-02-06 00:00:58,"나","' + '""' * 90_000 + "x",
        "\n" * 200_000,
    ],
)
def test_hostile_lines_are_read_in_no_time(line: str) -> None:
    started = time.process_time()
    for first in (DAY, "", "Date,User,Message\n"):
        record = '2026-02-06 00:00:57,"나","x"\n' if first.startswith("Date") else "[나] [9:00] x\n"
        read(first + record * 3 + line + "\n" + record)
        read(first + record * 3 + record.rstrip("\n") + line + "\n")
    assert time.process_time() - started < 2


def test_a_message_of_many_lines_is_read_in_no_time() -> None:
    started = time.process_time()
    chat = read(DAY + "[나] [9:00] 첫 줄\n" + f"둘째 줄\n{DAY}" * 50_000 + "[지은] [9:01] 끝\n")
    assert len(chat.messages) == 2
    assert time.process_time() - started < 3
