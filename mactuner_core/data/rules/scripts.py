"""In which language a text is written, judged by its script alone: no dictionary, no model."""

from __future__ import annotations

from typing import Any, Literal

Language = Literal["ko", "en", "zh", "ja"]

SCRIPTS = {"ko": r"\p{Hangul}", "en": r"\p{Latin}", "zh": r"\p{Han}", "ja": r"[\p{Hiragana}\p{Katakana}]"}


def language_share(content: str, language: Language) -> float | None:
    """Return the share (0–1) of the letters of `content` that belong to the script of `language`.

    None when there is no letter at all. Latin letters count as English, Han as Chinese: a script is not a language.
    """
    letters = len(_letters().findall(content))
    return len(_script(language).findall(content)) / letters if letters else None


def _letters() -> Any:
    import regex  # type: ignore[import-untyped]

    return regex.compile(r"\p{L}")  # the module keeps what it has compiled


def _script(language: Language) -> Any:
    import regex

    return regex.compile(rf"(?V1)[{SCRIPTS[language]}&&\p{{L}}]")
