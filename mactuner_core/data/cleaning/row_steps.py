"""The settings of the steps that look at whole rows and leave some out; what they do is in `row_filters.py`."""

from __future__ import annotations

from typing import Any, Literal

from mactuner_core.config import Config, setting
from mactuner_core.errors import SettingProblem


class MissingValues(Config):
    """Rows in which a question, an answer or the text is empty are left out or filled."""

    step: Literal["missing_values"] = "missing_values"
    action: Literal["drop", "fill"] = setting(
        "drop",
        label={"en": "What to do", "ko": "처리"},
        help={
            "en": "drop: leave the row out; fill: put a text in",
            "ko": "drop: 행을 뺍니다, fill: 정한 글로 채웁니다",
        },
    )
    fill_text: str = setting(
        "",
        label={"en": "Text to fill in", "ko": "채울 글"},
        help={"en": "Put where nothing is, with fill", "ko": "fill일 때 빈 곳에 넣을 글"},
    )
    empty_words: str = setting(
        "nan, null, n/a, #n/a, #value!, #ref!",
        advanced=True,
        label={"en": "Words that mean empty", "ko": "빈 값으로 볼 말"},
        help={
            "en": "A text that is only one of these counts as empty; separate them by commas",
            "ko": "글 전체가 이 중 하나면 빈 값으로 봅니다. 쉼표로 나누어 적으세요",
        },
    )

    def problems(self) -> list[SettingProblem]:
        """Filling needs a text."""
        if self.action == "fill" and not self.fill_text.strip():
            return [SettingProblem("cleaning.no_fill_text", {"name": "fill_text", "value": self.fill_text})]
        return []


class ExactDuplicates(Config):
    """Of rows that are the same, the first stays."""

    step: Literal["exact_duplicates"] = "exact_duplicates"
    compare: Literal["row", "question"] = setting(
        "row",
        label={"en": "Compare", "ko": "비교 대상"},
        help={
            "en": "row: everything is the same; question: everything but the answers is",
            "ko": "row: 모두 같을 때, question: 답변만 다르고 나머지가 같을 때",
        },
    )


class NearDuplicates(Config):
    """Of rows that are nearly the same, the first stays (MinHash over groups of characters, then an exact check)."""

    step: Literal["near_duplicates"] = "near_duplicates"
    threshold: float = setting(
        0.85,
        ge=0.5,
        le=1.0,
        label={"en": "Similarity", "ko": "유사도 (threshold)"},
        help={
            "en": "Share of common character groups (Jaccard) from which two rows count as the same. A short row that "
            "differs in one word, such as “not”, may reach 0.85: look at the samples first",
            "ko": "겹치는 글자 묶음의 비율(자카드)이 이 값 이상이면 같은 행으로 봅니다. 짧은 글은 “안” 한 마디만 달라도 0.85가 될 수 "
            "있으니 예시를 먼저 확인하세요",
        },
    )
    characters: int = setting(
        3,
        ge=2,
        le=8,
        advanced=True,
        label={"en": "Characters in a group", "ko": "글자 묶음 크기 (n-gram)"},
        unit="characters",
        help={
            "en": "Rows are compared by groups of this many characters, without spaces: 3 suits Korean, 5 long English",
            "ko": "띄어쓰기를 뺀 글자를 이만큼씩 묶어 비교합니다. 한국어는 3, 긴 영어는 5가 알맞습니다",
        },
    )
    same_numbers: bool = setting(
        True,
        label={"en": "Different numbers differ", "ko": "숫자가 다르면 다른 행"},
        help={
            "en": "Rows with different numbers (제4조, 제5조) are never near duplicates",
            "ko": "숫자가 다른 행(제4조, 제5조)은 비슷해도 중복으로 보지 않습니다",
        },
    )


class TokenLength(Config):
    """Rows with too few or too many tokens of the chosen model are left out."""

    step: Literal["token_length"] = "token_length"
    minimum: int = setting(
        1,
        ge=0,
        le=10_000_000,
        label={"en": "At least", "ko": "최소"},
        unit="tokens",
        help={"en": "Rows with fewer tokens are left out", "ko": "토큰이 더 적은 행을 뺍니다"},
    )
    maximum: int = setting(
        2048,
        ge=1,
        le=10_000_000,
        label={"en": "At most", "ko": "최대"},
        unit="tokens",
        help={
            "en": "Rows with more tokens are left out. Counted over the texts; the chat template adds a few for each message",
            "ko": "토큰이 더 많은 행을 뺍니다. 글만 세며, 채팅 템플릿이 메시지마다 몇 개를 더합니다",
        },
    )

    def problems(self) -> list[SettingProblem]:
        """The limits must not cross."""
        if self.minimum > self.maximum:
            values = {"name": "minimum", "value": self.minimum, "maximum": self.maximum}
            return [SettingProblem("cleaning.limits_crossed", values)]
        return []


def _language(default: bool, en: str, ko: str, detail_en: str, detail_ko: str) -> Any:
    return setting(default, label={"en": en, "ko": ko}, help={"en": detail_en, "ko": detail_ko})


class Language(Config):
    """Rows in another language are left out, told by their letters; a row without letters stays."""

    step: Literal["language"] = "language"
    korean: bool = _language(
        True, "Keep Korean", "한국어 남기기", "Rows written mostly in Hangul", "한글이 대부분인 행"
    )
    latin: bool = _language(
        False,
        "Keep English",
        "영어 남기기",
        "Rows written mostly in Latin letters; other languages with these letters count too",
        "로마자가 대부분인 행. 로마자를 쓰는 다른 언어도 포함됩니다",
    )
    japanese: bool = _language(False, "Keep Japanese", "일본어 남기기", "Rows with kana", "가나가 있는 행")
    chinese: bool = _language(
        False, "Keep Chinese", "중국어 남기기", "Rows with Han characters and no kana", "가나 없이 한자가 대부분인 행"
    )
    other: bool = _language(
        False, "Keep others", "그 밖의 언어 남기기", "Rows in any other script", "그 밖의 문자로 쓴 행"
    )
    part: Literal["answers", "all"] = setting(
        "all",
        label={"en": "Look at", "ko": "볼 부분"},
        help={
            "en": "all: every text but the system prompt, together; answers: the answers alone (for translation data)",
            "ko": "all: 시스템 프롬프트를 뺀 글 전체, answers: 답변만(번역 데이터용)",
        },
    )

    def problems(self) -> list[SettingProblem]:
        """At least one language must be kept."""
        if not (self.korean or self.latin or self.japanese or self.chinese or self.other):
            return [SettingProblem("cleaning.no_language", {"name": "language", "value": ""})]
        return []


RowStep = MissingValues | ExactDuplicates | NearDuplicates | TokenLength | Language
