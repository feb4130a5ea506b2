"""What a message is: text, or one of the fixed texts KakaoTalk writes in place of a photo, a call, a deleted message …

A person can type such a word too; the text is kept, and the recipe says what happens to each kind.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

Kind = Literal[
    "text", "photo", "video", "emoticon", "voice", "file", "map", "search", "contact", "deleted", "call", "live", "link", "system"
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
_NUMBERS: dict[str, int] = {kind: number for number, kind in enumerate(KINDS)}
TEXT = KINDS.index("text")
SYSTEM = KINDS.index("system")

_DURATION = r"\d+:\d\d(?::\d\d)?"
_PATTERN = re.compile(
    rf"""
    (?P<photo>사진(?:\ \d+장)?|[Pp]hotos?(?:\ \d+)?|\d+\ [Pp]hotos?|(?:[0-9a-f]{{40,64}}\.(?:jpe?g|png|gif|webp)\n?)+)
    |(?P<video>동영상(?:\ \d+개)?|[Vv]ideos?|\d+\ [Vv]ideos?|[0-9a-f]{{40,64}}\.(?:mp4|mov))
    |(?P<emoticon>\(?이모티콘\)?|\(?[Ee]moticons?\)?)
    |(?P<voice>음성\ ?메시지|Voice\ (?:[Nn]ote|[Mm]essage))
    |(?P<file>(?:파일|File):\ .+)
    |(?P<map>(?:지도|Map):\ .+)
    |(?P<search>샵검색:\ .+|\#?Search:\ .+)
    |(?P<contact>(?:연락처|Contact):\ .+)
    |(?P<deleted>삭제된\ 메시지입니다\.?|This\ message\ (?:was|has\ been)\ deleted\.?)
    |(?P<call>(?:보이스톡|페이스톡|그룹콜)(?:\ (?:해요\.?|부재중|취소|거절|응답\ ?없음|종료|{_DURATION}))?
      |(?:Voice|Video|Group)\ [Cc]all(?:\ (?:[Cc]ancell?ed|[Mm]issed|[Dd]eclined|[Nn]o\ answer|[Ee]nded|{_DURATION}))?)
    |(?P<live>라이브톡(?:\ .{{1,20}})?|Live\ ?[Tt]alk(?:\ .{{1,20}})?)
    |(?P<link>(?:https?://\S++\s*+)+)
    """,
    re.VERBOSE,
)
# All fixed texts start with one of these pairs, so that most messages cost one look-up.
_STARTS = frozenset(
    [
        "사진",
        "동영",
        "이모",
        "(이",
        "(E",
        "(e",
        "음성",
        "파일",
        "지도",
        "샵검",
        "연락",
        "삭제",
        "보이",
        "페이",
        "그룹",
        "라이",
        "Ph",
        "ph",
        "Vi",
        "vi",
        "Em",
        "em",
        "Vo",
        "Fi",
        "Ma",
        "Se",
        "#S",
        "Co",
        "Th",
        "Gr",
        "Li",
        "ht",
    ]
    + [f"{digit} " for digit in range(10)]
    + [f"{number:02x}" for number in range(256)]
)


def kind_of(text: str) -> int:
    """Return the number in KINDS of a message with this whole text (never SYSTEM: that is said by its line)."""
    if text[:2] not in _STARTS:
        return TEXT
    found = _PATTERN.fullmatch(text)
    return _NUMBERS[found.lastgroup] if found and found.lastgroup else TEXT
