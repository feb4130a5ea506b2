"""Runs of one character cut short: ㅋㅋㅋㅋㅋ becomes ㅋㅋ, while 10000, ---, ###, www and hashes stay."""

from __future__ import annotations

import re
from collections.abc import Callable

# Hangul letters and syllables, kana, marks of excitement, hearts and emoji. Not here: digits, Han characters (三三), spaces,
# and what builds tables, headings and lists (- = # * _ | > ` +).
_CHARACTERS = "ㄱ-ㆎ가-힣ぁ-んァ-ヿ!?~^,;…·！？～。、ㆍ♡♥★☆♪♬\u2600-\u27bf\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
LATIN_RUN = 4  # www, III and AAA are words of their own; no word has four


def cut_repeated(keep: int, *, keep_ellipsis: bool = True) -> Callable[[str], str]:
    """Return a function that cuts every run of more than `keep` equal characters to `keep`."""
    run = re.compile(rf"([{_CHARACTERS}]\ufe0f?)\1{{{keep},}}")
    dots = 3 if keep_ellipsis else keep
    stops = re.compile(rf"\.{{{dots + 1},}}")
    latin = re.compile(rf"([A-WYZa-wyz])\1{{{max(LATIN_RUN - 1, keep)},}}")

    def cut(text: str) -> str:
        text = run.sub(lambda found: found[1] * keep, text)
        if ".." in text:
            text = stops.sub("." * dots, text)
        return latin.sub(lambda found: found[0] if _in_a_code(found) else found[1] * keep, text)

    return cut


def _in_a_code(found: re.Match[str]) -> bool:
    """Tell whether the run is part of a word with digits in it (a hash, a key) or of a colour (#ffffff)."""
    text, start, end = found.string, found.start(), found.end()
    while start and _is_word(text[start - 1]):
        start -= 1
    while end < len(text) and _is_word(text[end]):
        end += 1
    return text[start - 1 : start] == "#" or any(character.isdigit() for character in text[start:end])


def _is_word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())
