"""In which language a text is, told by its letters: Hangul is Korean, kana Japanese, Han characters alone Chinese.

A trained detector takes a second to load and calls ㅇㅇ and ㅋㅋㅋㅋ Japanese; letters are never wrong about Korean. What this
does not do: tell English from other languages in Latin letters, and read a sentence of one word of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

LanguageName = Literal["korean", "latin", "japanese", "chinese", "other"]

# Addresses, code and masks ([전화번호]) say nothing about the language of the text around them.
_NO_LANGUAGE = re.compile(r"```.*?```|`[^`\n]+`|(?:https?://|www\.)\S+|\S+@\S+\.\w+|\[[^\[\]\n]{1,20}\]", re.DOTALL)
_HANGUL = re.compile("[가-힣ㄱ-ㆎ\u1100-\u11ff]")
_KANA = re.compile("[ぁ-ゟァ-ヺー-ヿｦ-ﾟ]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN = re.compile("[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿＡ-Ｚａ-ｚ]")
_LETTER = re.compile(r"[^\W\d_]")
DENSITY = 2.5  # Latin letters that say as much as one syllable or Han character
KANA_SHARE = 0.1  # a Chinese text may quote a kana word


def language_of(texts: Iterable[str]) -> LanguageName | None:
    """Return the language most of the letters of `texts` belong to, or None when there are no letters."""
    text = _NO_LANGUAGE.sub(" ", " ".join(texts))
    letters = len(_LETTER.findall(text))
    if not letters:
        return None
    hangul, kana, han, latin = (len(script.findall(text)) for script in (_HANGUL, _KANA, _HAN, _LATIN))
    east = kana + han
    japanese = east and kana / east >= KANA_SHARE
    weights: dict[LanguageName, float] = {
        "korean": hangul * DENSITY,
        "latin": latin,
        "japanese": east * DENSITY if japanese else 0,
        "chinese": 0 if japanese else east * DENSITY,
        "other": letters - hangul - kana - han - latin,
    }
    return max(weights, key=lambda name: weights[name])
