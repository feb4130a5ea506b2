"""The recipe of an import: everything that, with the same file, gives the same dataset version again."""

from __future__ import annotations

from mactuner_core.config import Config, setting


class ImportRecipe(Config):
    """How to read a file and split it."""

    question_column: str | None = setting(
        None,
        label={"en": "Question column", "ko": "질문 열"},
        help={
            "en": "Column with the question; found by its name when empty",
            "ko": "질문이 든 열. 비우면 이름으로 찾습니다",
        },
    )
    answer_column: str | None = setting(
        None,
        label={"en": "Answer column", "ko": "답변 열"},
        help={
            "en": "Column with the answer; found by its name when empty",
            "ko": "답변이 든 열. 비우면 이름으로 찾습니다",
        },
    )
    system_prompt: str | None = setting(
        None,
        label={"en": "System prompt", "ko": "시스템 프롬프트 (system prompt)"},
        help={
            "en": "Put before every example that has none of its own",
            "ko": "시스템 프롬프트가 없는 모든 예제 앞에 붙입니다",
        },
    )
    validation_share: float = setting(
        0.1,
        ge=0.0,
        le=0.5,
        label={"en": "Validation share", "ko": "검증 비율 (validation share)"},
        help={"en": "Share of the rows kept for validation", "ko": "검증용으로 남겨 둘 행의 비율"},
    )
    seed: int = setting(
        42,
        ge=0,
        le=2**31 - 1,
        advanced=True,
        label={"en": "Split seed", "ko": "분할 시드 (seed)"},
        help={"en": "The same seed gives the same split", "ko": "같은 시드는 같은 분할을 만듭니다"},
    )
