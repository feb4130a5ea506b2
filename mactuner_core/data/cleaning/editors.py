"""What each text step does to one text. Every editor leaves a clean text as it is, and a second time changes nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from mactuner_core.data.cleaning.html import remove_html
from mactuner_core.data.cleaning.repeated import cut_repeated
from mactuner_core.data.cleaning.text_steps import (
    Html,
    LowerCase,
    RepeatedCharacters,
    SpecialCharacters,
    TextStep,
    Unicode,
    Whitespace,
)

Edit = Callable[[str], str]

_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)

# NFKC would take ㅋ (U+314B) apart into a letter that no Korean keyboard types, and x² and ½ lose their meaning.
_TO_NORMALISE = re.compile("[^\u3131-\u318e²³¹⁰-₎¼-¾⅐-⅟]+")
_HALF_WIDTH_JAMO = {
    code: int(unicodedata.decomposition(chr(code)).split()[1], 16)
    for code in range(0xFFA0, 0xFFDD)
    if unicodedata.decomposition(chr(code))
}
_LEADS = dict(zip(range(0x1100, 0x1113), map(ord, "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"), strict=True))
_LONE_LEAD = re.compile("[\u1100-\u1112](?![\u1160-\u11ff\ud7b0-\ud7fb])")  # what NFKC makes of ㉠

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]+")
_JOINED = "\u0600-\u0dff\u200d\u20e3\u2300-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff"  # joiners carry meaning here
_INVISIBLE = re.compile(
    "[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u3164\ufeff\uffa0]+"
    f"|(?<![{_JOINED}])[\u200c\u200d]+|[\u200c\u200d]+(?![{_JOINED}])"
)

_SPACE = r" \t\v\f\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_UNTIDY = re.compile(r"[\t-\r\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|  |^ | $")
_BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_BEFORE_BREAK = re.compile(rf"(?<![{_SPACE}])[{_SPACE}]++(?=\n)")
_RUN = re.compile(rf"(?<=[^{_SPACE}\n])(?:[{_SPACE}]{{2,}}|[^\S\n ])")
_INDENTATION = re.compile(rf"(?<=\n)[{_SPACE}]+")
_ANY_RUN = re.compile(r"\s+")


def editor(step: TextStep) -> Edit:
    """Return the function that does `step` to one text."""
    if isinstance(step, Unicode):
        return compose if step.form == "NFC" else make_plain
    if isinstance(step, SpecialCharacters):
        return _special(step)
    if isinstance(step, Whitespace):
        return _whitespace(step)
    if isinstance(step, LowerCase):
        edit: Edit = str.lower
    elif isinstance(step, RepeatedCharacters):
        edit = cut_repeated(step.keep, keep_ellipsis=step.keep_ellipsis)
    else:
        edit = _html(step)
    return outside_code(edit) if step.keep_code else edit


def outside_code(edit: Edit) -> Edit:
    """Return `edit` for the parts of a text that do not stand between back-ticks."""

    def edit_parts(text: str) -> str:
        if "`" not in text:
            return edit(text)
        parts = _CODE.split(text)
        return "".join([part if number % 2 else edit(part) for number, part in enumerate(parts)])

    return edit_parts


def compose(text: str) -> str:
    """Return the text in NFC: 한 as one character, as every keyboard but a Mac's file system writes it."""
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def make_plain(text: str) -> str:
    """Return the text in NFKC, but with Korean letters such as ㅋ, raised and lowered digits and fractions as they were."""
    if unicodedata.is_normalized("NFKC", text):
        return text
    text = text.translate(_HALF_WIDTH_JAMO)
    text = _TO_NORMALISE.sub(lambda part: unicodedata.normalize("NFKC", part[0]), text)
    return _LONE_LEAD.sub(lambda letter: letter[0].translate(_LEADS), text)


def _special(step: SpecialCharacters) -> Edit:
    named = re.compile(f"[{re.escape(step.characters)}]") if step.characters else None

    def edit(text: str) -> str:
        if step.control and not text.isprintable():
            text = _CONTROL.sub("", text)
        if step.invisible and not text.isascii():
            text = _INVISIBLE.sub("", text)
        return named.sub(lambda _: step.replacement, text) if named else text

    return edit


def _html(step: Html) -> Edit:
    return lambda text: remove_html(text, tags=step.tags, entities=step.entities)


def _whitespace(step: Whitespace) -> Edit:
    blank = re.compile(rf"\n{{{step.blank_lines + 2},}}")
    breaks = "\n" * (step.blank_lines + 1)

    def tidy(text: str) -> str:
        text = _BEFORE_BREAK.sub("", text)
        if not step.keep_indentation:
            text = _INDENTATION.sub("", text)
        text = _RUN.sub(" ", text)
        return blank.sub(breaks, text)

    part: Edit = tidy if not step.one_line else lambda text: _ANY_RUN.sub(" ", text)

    def tidy_parts(text: str) -> str:
        if not step.keep_code or "`" not in text:
            return part(text)
        parts = _CODE.split(text)
        parts[::2] = [part(parts[0])] + [part("`" + after)[1:] for after in parts[2::2]]  # code stands before them
        return "".join(parts)

    def edit(text: str) -> str:
        return tidy_parts(_BREAKS.sub("\n", text)).strip() if _UNTIDY.search(text) else text

    return edit
