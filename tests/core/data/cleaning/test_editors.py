"""Each text step on hand-written rows: what it changes, and above all what it must leave alone."""

from __future__ import annotations

import time
import unicodedata

import pytest

from mactuner_core.data.cleaning.editors import editor
from mactuner_core.data.cleaning.text_steps import (
    Html,
    LowerCase,
    RepeatedCharacters,
    SpecialCharacters,
    TextStep,
    Unicode,
    Whitespace,
)

FAMILY = "👨\u200d👩\u200d👧 ❤️\u200d🔥 1️⃣ 👍🏽 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        (Unicode(), unicodedata.normalize("NFD", "한글 맞춤법 café"), "한글 맞춤법 café"),
        (Unicode(), "ㅋㅋㅋ ㅠㅠ Ａ１① x² ½ …", "ㅋㅋㅋ ㅠㅠ Ａ１① x² ½ …"),
        (Unicode(), "ᄒᆞᆫ글 訓民正音", "ᄒᆞᆫ글 訓民正音"),
        (Unicode(form="NFKC"), "ㅋㅋㅋ ㅠㅠ ㄱㄴ ㅎㅏ ㄳ", "ㅋㅋㅋ ㅠㅠ ㄱㄴ ㅎㅏ ㄳ"),
        (Unicode(form="NFKC"), "민법　제１０６１조 １７세．", "민법 제1061조 17세."),
        (Unicode(form="NFKC"), "Ａ① ㈜ ㎏ ﬁ …", "A1 (주) kg fi ..."),
        (Unicode(form="NFKC"), "x² H₂O ½컵", "x² H₂O ½컵"),
        (Unicode(form="NFKC"), "ﾡﾱ ㉠ ㉮ ㈀", "ㄱㅁ ㄱ 가 (ㄱ)"),
        (Unicode(form="NFKC"), "ᄒᆞᆫ글", "ᄒᆞᆫ글"),
        (Unicode(form="NFKC"), unicodedata.normalize("NFD", "ㅋㅋ 한글"), "ㅋㅋ 한글"),
        (LowerCase(), "Hello 민법 API Ａ ㅋㅋ", "hello 민법 api ａ ㅋㅋ"),
        (LowerCase(), "쓰세요: `SELECT *` 와 ```\nABC\n``` OK", "쓰세요: `SELECT *` 와 ```\nABC\n``` ok"),
        (SpecialCharacters(), "\ufeff민법\u200b 제\u00ad4조\x00\x1b\u3164", "민법 제4조"),
        (SpecialCharacters(), "줄\n탭\t끝\r\n", "줄\n탭\t끝\r\n"),
        (SpecialCharacters(), FAMILY, FAMILY),
        (SpecialCharacters(), "가\u200d나 क्\u200dष", "가나 क्\u200dष"),
        (SpecialCharacters(invisible=False), "가\u200b나", "가\u200b나"),
        (SpecialCharacters(characters="★]^-\\"), "★가]나^다-라\\마", "가나다라마"),
        (SpecialCharacters(characters="★", replacement=r"\1"), "가★나", r"가\1나"),
    ],
)
def test_letters(step: TextStep, before: str, after: str) -> None:
    assert editor(step)(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ㅋㅋㅋㅋㅋ 아 ㅠㅠㅠㅠ", "ㅋㅋ 아 ㅠㅠ"),
        ("하하하하 진짜요???? 네!!!!", "하하 진짜요?? 네!!"),
        ("👍👍👍👍 ❤️❤️❤️❤️ 😂😂", "👍👍 ❤️❤️ 😂😂"),
        ("10000원, 010-1111-2222, 2000000", "10000원, 010-1111-2222, 2000000"),
        ("잠깐... 음....... 네…………", "잠깐... 음... 네……"),
        ("https://www.example.com III WWW AAA", "https://www.example.com III WWW AAA"),
        ("soooooo goooood NOOOOO", "soo good NOO"),
        ("#ffffff 0xFFFFFFFF a1bbbbbb XXXX-XXXX", "#ffffff 0xFFFFFFFF a1bbbbbb XXXX-XXXX"),
        ("---\n### 제목\n| a |\n====\n****\n_____", "---\n### 제목\n| a |\n====\n****\n_____"),
        ("三三三 人人人", "三三三 人人人"),
        ("`ㅋㅋㅋㅋ` ```\nㅋㅋㅋㅋ\n```", "`ㅋㅋㅋㅋ` ```\nㅋㅋㅋㅋ\n```"),
        ("    들여\n\n\n\n쓰기", "    들여\n\n\n\n쓰기"),
        ("똑똑", "똑똑"),
    ],
)
def test_repeated_characters(before: str, after: str) -> None:
    assert editor(RepeatedCharacters())(before) == after


def test_repeated_characters_settings() -> None:
    assert editor(RepeatedCharacters(keep=3))("ㅋㅋㅋㅋㅋ ㅎㅎ ooooo") == "ㅋㅋㅋ ㅎㅎ ooo"
    assert editor(RepeatedCharacters(keep=1))("ㅋㅋㅋ ㅎㅎ") == "ㅋ ㅎ"
    assert editor(RepeatedCharacters(keep=6))("aaaaaa bbbbbbb") == "aaaaaa bbbbbb"
    assert editor(RepeatedCharacters(keep=1, keep_ellipsis=False))("네...") == "네."
    assert editor(RepeatedCharacters(keep_code=False))("`ㅋㅋㅋㅋ`") == "`ㅋㅋ`"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>전세권이 뭔가요?</p>", "전세권이 뭔가요?"),
        ("<p>첫 문단<br>둘째 줄</p><p>셋째</p>", "첫 문단\n둘째 줄\n셋째"),
        ("당사자가 <b>언제든지</b> <a href='x' target=_blank>해지</a>", "당사자가 언제든지 해지"),
        ("a < b and c > d", "a < b and c > d"),
        ("if a<b and c>d: x", "if a<b and c>d: x"),
        ("<민법 제4조> <김철수> List<String> <T> <name>", "<민법 제4조> <김철수> List<String> <T> <name>"),
        ("위임은 &lt;민법 제689조&gt;에", "위임은 <민법 제689조>에"),
        ("&lt;b&gt;굵게&lt;/b&gt;", "<b>굵게</b>"),
        ("&amp;lt;", "&lt;"),
        ("네,&nbsp;민법 &#39;선의&#39; &#x1F44D; &hellip;", "네, 민법 '선의' 👍 …"),
        ("?a=1&copy=2&lt=3 AT&T R&D;", "?a=1&copy=2&lt=3 AT&T R&D;"),
        ("앞<script>if (a < b) {}</script>뒤<!-- <p> -->끝", "앞뒤끝"),
        ("<style type='text/css'>p {}</style><!DOCTYPE html>글", "글"),
        ("<!-- 닫히지 않음", "<!-- 닫히지 않음"),
        ("<table><tr><td>가</td><td>나</td></tr><tr><td>다</td></tr></table>", "가 나\n다"),
        ("`<b>` 태그는 ```html\n<p>x</p>\n``` 처럼", "`<b>` 태그는 ```html\n<p>x</p>\n``` 처럼"),
        ("<input type=checkbox disabled checked> 동의", " 동의"),
        ("사랑해 <3 >_< ->", "사랑해 <3 >_< ->"),
    ],
)
def test_html(before: str, after: str) -> None:
    assert editor(Html())(before) == after


def test_html_settings() -> None:
    assert editor(Html(tags=False))("<b>가</b>&amp;") == "<b>가</b>&"
    assert editor(Html(entities=False))("<b>가</b>&amp;") == "가&amp;"
    assert editor(Html(keep_code=False))("`<b>가</b>`") == "`가`"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  부당이득이   뭔가요? \t", "부당이득이 뭔가요?"),
        ("가\u00a0나\u3000다\u2003라\t마", "가 나 다 라 마"),
        ("가\r\n나\r다\u2028라", "가\n나\n다\n라"),
        ("가 \n\n\n\n 나", "가\n\n 나"),
        ("- 하나\n  - 둘\n    - 셋", "- 하나\n  - 둘\n    - 셋"),
        ("보기:\n```py\nif  x:\n    y\n\n\n\nz\n```\n끝  .", "보기:\n```py\nif  x:\n    y\n\n\n\nz\n```\n끝 ."),
        ("값은 `a  b`  입니다", "값은 `a  b` 입니다"),
        ("민법 제4조", "민법 제4조"),
    ],
)
def test_whitespace(before: str, after: str) -> None:
    assert editor(Whitespace())(before) == after


def test_whitespace_settings() -> None:
    assert editor(Whitespace(one_line=True))("가\n\n나\t 다") == "가 나 다"
    assert editor(Whitespace(blank_lines=0))("가\n\n\n나") == "가\n나"
    assert editor(Whitespace(keep_indentation=False))("가\n   나") == "가\n나"


STEPS: list[TextStep] = [
    Unicode(),
    Unicode(form="NFKC"),
    LowerCase(),
    SpecialCharacters(),
    RepeatedCharacters(),
    RepeatedCharacters(keep=1),
    Whitespace(),
    Whitespace(one_line=True),
    Html(entities=False),
]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_second_time_changes_nothing(step: TextStep) -> None:
    edit = editor(step)
    for text in (
        FAMILY,
        "ㅋㅋㅋㅋ <p>가</p>\n\n\n <b>나 \t다",
        "ㅎㅏㄴ Ａ　…．．．． \u200b",
        " \n`a  b` \r\n끝 ",
        "",
        "❤️❤️❤️",
    ):
        once = edit(text)
        assert edit(once) == once


@pytest.mark.parametrize("step", [*STEPS, Html()], ids=str)
@pytest.mark.parametrize(
    "hostile",
    [
        "<!--",
        "<script>",
        "<a b='",
        "<p " + "a=b " * 50,
        "`",
        "```",
        " <p>",
        "</td>",
        "ㅋ",
        " ",
        "\n ",
        "&amp",
        "\u200d",
        ".",
    ],
)
def test_hostile_texts_take_linear_time(step: TextStep, hostile: str) -> None:
    text = hostile * (100_000 // len(hostile))
    start = time.perf_counter()
    editor(step)(text)
    assert time.perf_counter() - start < 2
