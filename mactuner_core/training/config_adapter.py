"""The settings of the adapter that LoRA, QLoRA and their variants train."""

from __future__ import annotations

from mactuner_core.config import Config, setting


class AdapterSettings(Config):
    """Shape and kind of the adapter; without effect when every weight is trained."""

    lora_rank: int = setting(
        8,
        ge=4,
        le=64,
        label={"en": "LoRA rank", "ko": "LoRA 랭크 (rank)"},
        help={
            "en": "The width of the adapter: higher learns more and needs more.",
            "ko": "어댑터의 폭. 높을수록 더 배우고 더 씁니다.",
        },
    )
    lora_alpha: int = setting(
        16,
        ge=1,
        le=256,
        label={"en": "LoRA alpha", "ko": "LoRA 알파 (alpha)"},
        help={
            "en": "The weight of the adapter; twice the rank is usual.",
            "ko": "어댑터의 세기. 보통 랭크의 두 배입니다.",
        },
    )
    lora_dropout: float = setting(
        0.1,
        ge=0,
        le=0.5,
        label={"en": "LoRA dropout", "ko": "LoRA 드롭아웃 (dropout)"},
        help={
            "en": "Share of the adapter's input left out at random.",
            "ko": "어댑터 입력에서 무작위로 빼는 비율입니다.",
        },
    )
    target_modules: str = setting(
        "all-linear",
        advanced=True,
        label={"en": "LoRA targets", "ko": "LoRA 대상 (target modules)"},
        help={
            "en": "all-linear: every linear layer but the output; q/v: the query and value projections only; or names with commas between.",
            "ko": "all-linear: 출력층을 뺀 모든 선형층, q/v: 질의·값 투영만, 또는 쉼표로 나눈 이름들.",
        },
    )
    use_dora: bool = setting(
        False,
        advanced=True,
        label={"en": "DoRA", "ko": "DoRA"},
        help={
            "en": "Trains size and direction of the weights apart: often a little better, slower. arXiv 2402.09353",
            "ko": "가중치의 크기와 방향을 따로 학습합니다. 조금 더 낫고 느린 편입니다. arXiv 2402.09353",
        },
    )
    use_rslora: bool = setting(
        False,
        advanced=True,
        label={"en": "rsLoRA", "ko": "rsLoRA"},
        help={
            "en": "Scales by the square root of the rank: steadier for ranks of 32 and more. arXiv 2312.03732",
            "ko": "랭크의 제곱근으로 나눕니다. 랭크 32 이상에서 더 안정적입니다. arXiv 2312.03732",
        },
    )
    lora_plus_ratio: float | None = setting(
        None,
        ge=1,
        le=64,
        advanced=True,
        label={"en": "LoRA+ ratio", "ko": "LoRA+ 비율"},
        help={
            "en": "How many times faster the adapter's B learns than its A; 16 is usual, empty is plain LoRA. arXiv 2402.12354",
            "ko": "어댑터의 B가 A보다 몇 배 빨리 배우는지. 보통 16, 비우면 일반 LoRA입니다. arXiv 2402.12354",
        },
    )
    train_embeddings: bool = setting(
        False,
        advanced=True,
        label={"en": "Train embeddings", "ko": "임베딩 학습 (embeddings)"},
        help={
            "en": "Trains the whole embedding beside the adapter, for a new language. Tokens that a chat template added are trained anyway.",
            "ko": "어댑터와 함께 임베딩 전체를 학습합니다(새 언어용). 채팅 템플릿이 추가한 토큰은 언제나 학습합니다.",
        },
    )
