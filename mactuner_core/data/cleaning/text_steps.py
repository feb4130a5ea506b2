"""The settings of the steps that change texts; what they do is in `editors.py`."""

from __future__ import annotations

from typing import Any, Literal

from mactuner_core.config import Config, setting


def _keep_code() -> Any:
    return setting(
        True,
        advanced=True,
        label={"en": "Leave code alone", "ko": "코드는 그대로"},
        help={
            "en": "Text between back-ticks (`code` and ``` blocks) stays as it is",
            "ko": "백틱으로 묶은 코드(`코드`, ``` 블록)는 바꾸지 않습니다",
        },
    )


class Unicode(Config):
    """One spelling for the same letter."""

    step: Literal["unicode"] = "unicode"
    form: Literal["NFC", "NFKC"] = setting(
        "NFC",
        label={"en": "Form", "ko": "정규화 방식 (form)"},
        help={
            "en": "NFC composes letters (ㅎㅏㄴ typed on a Mac becomes 한) and changes nothing you see. NFKC also turns "
            "full-width letters, ligatures and circled numbers into plain ones (Ａ１① → A11); ㅋㅋ, ² and ½ stay",
            "ko": "NFC는 풀어쓴 글자(맥에서 온 ㅎㅏㄴ)를 모아 한으로 만들고 보이는 모양은 바꾸지 않습니다. NFKC는 전각·합자·원문자도 "
            "보통 글자로 바꿉니다(Ａ１① → A11). ㅋㅋ, ², ½은 그대로 둡니다",
        },
    )


class LowerCase(Config):
    """Capital letters become small ones; Korean has none and stays."""

    step: Literal["lower_case"] = "lower_case"
    keep_code: bool = _keep_code()


class SpecialCharacters(Config):
    """Characters that no reader sees, and any others that are named, are removed."""

    step: Literal["special_characters"] = "special_characters"
    control: bool = setting(
        True,
        label={"en": "Control characters", "ko": "제어 문자"},
        help={
            "en": "Remove control characters, except tab and line break",
            "ko": "탭과 줄바꿈을 뺀 제어 문자를 지웁니다",
        },
    )
    invisible: bool = setting(
        True,
        label={"en": "Invisible characters", "ko": "보이지 않는 문자"},
        help={
            "en": "Remove zero-width spaces, byte order marks, soft hyphens, Hangul fillers and direction marks; "
            "emoji made of several characters stay whole",
            "ko": "폭 없는 공백, BOM, 소프트 하이픈, 한글 채움 문자, 방향 문자를 지웁니다. 여러 문자로 된 이모지는 그대로 둡니다",
        },
    )
    characters: str = setting(
        "",
        label={"en": "Further characters", "ko": "더 지울 문자"},
        help={
            "en": "Remove each of these characters too, for example ★◆※",
            "ko": "여기에 적은 문자를 하나하나 지웁니다. 예: ★◆※",
        },
    )
    replacement: str = setting(
        "",
        advanced=True,
        label={"en": "Put in their place", "ko": "대신 넣을 글"},
        help={
            "en": "What stands in place of each further character; nothing by default",
            "ko": "더 지울 문자 대신 넣을 글. 비우면 지우기만 합니다",
        },
    )


class RepeatedCharacters(Config):
    """ㅋㅋㅋㅋㅋ becomes ㅋㅋ; numbers, tables, headings and links stay."""

    step: Literal["repeated_characters"] = "repeated_characters"
    keep: int = setting(
        2,
        ge=1,
        le=10,
        label={"en": "Keep at most", "ko": "남길 개수"},
        unit="characters",
        help={
            "en": "A letter, mark or emoji repeated more often is cut to this many: ㅋㅋㅋㅋㅋ → ㅋㅋ, !!!! → !!. Digits stay, "
            "Latin letters are cut from four on (www, III stay)",
            "ko": "같은 글자·문장부호·이모지가 더 많이 이어지면 이만큼만 남깁니다: ㅋㅋㅋㅋㅋ → ㅋㅋ, !!!! → !!. 숫자는 그대로 두고, "
            "로마자는 넷부터 줄입니다(www, III은 그대로)",
        },
    )
    keep_ellipsis: bool = setting(
        True,
        label={"en": "Keep “...”", "ko": "말줄임표 유지"},
        help={
            "en": "Three full stops stay, more become three",
            "ko": "마침표 셋은 그대로 두고, 더 많으면 셋으로 줄입니다",
        },
    )
    keep_code: bool = _keep_code()


class Html(Config):
    """HTML tags go, entities become characters; “a < b” and <민법> stay."""

    step: Literal["html"] = "html"
    tags: bool = setting(
        True,
        label={"en": "Remove tags", "ko": "태그 제거"},
        help={
            "en": "Remove HTML tags; paragraphs and <br> become line breaks, scripts and styles go with their content",
            "ko": "HTML 태그를 지웁니다. 문단과 <br>은 줄바꿈이 되고, script와 style은 내용까지 지웁니다",
        },
    )
    entities: bool = setting(
        True,
        label={"en": "Decode entities", "ko": "엔티티 변환"},
        help={"en": "&amp; becomes &, &nbsp; a space", "ko": "&amp;는 &로, &nbsp;는 공백으로 바꿉니다"},
    )
    keep_code: bool = _keep_code()


class Whitespace(Config):
    """Runs of spaces become one, line breaks one kind, and nothing stands before or after the text."""

    step: Literal["whitespace"] = "whitespace"
    blank_lines: int = setting(
        1,
        ge=0,
        le=5,
        label={"en": "Blank lines in a row", "ko": "연속 빈 줄"},
        unit="lines",
        help={"en": "More blank lines in a row are removed", "ko": "이보다 많이 이어지는 빈 줄은 지웁니다"},
    )
    one_line: bool = setting(
        False,
        label={"en": "All on one line", "ko": "한 줄로"},
        help={"en": "Line breaks become spaces too", "ko": "줄바꿈도 공백으로 바꿉니다"},
    )
    keep_indentation: bool = setting(
        True,
        advanced=True,
        label={"en": "Keep indentation", "ko": "들여쓰기 유지"},
        help={
            "en": "Spaces at the start of a line stay: lists in lists need them",
            "ko": "줄 앞의 공백을 그대로 둡니다. 여러 단계 목록에 필요합니다",
        },
    )
    keep_code: bool = _keep_code()


TextStep = Unicode | LowerCase | SpecialCharacters | RepeatedCharacters | Html | Whitespace
