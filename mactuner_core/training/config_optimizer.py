"""The settings of the optimiser: how fast, in what numbers, against what noise."""

from __future__ import annotations

from typing import Literal

from mactuner_core.config import Config, setting


class OptimizerSettings(Config):
    """How the weights are moved."""

    warmup_steps: int = setting(
        500,
        ge=0,
        le=5000,
        unit="steps",
        advanced=True,
        label={"en": "Warm-up steps", "ko": "워밍업 걸음 (warm-up steps)"},
        help={
            "en": "Steps in which the learning rate rises; never more than a tenth of the run.",
            "ko": "학습률이 올라가는 걸음 수. 실행의 10분의 1을 넘지 않습니다.",
        },
    )
    warmup_ratio: float | None = setting(
        None,
        ge=0,
        le=0.5,
        advanced=True,
        label={"en": "Warm-up share", "ko": "워밍업 비율 (warm-up ratio)"},
        help={
            "en": "Share of the steps in which the learning rate rises; takes the place of the warm-up steps when set.",
            "ko": "학습률이 올라가는 걸음의 비율. 정하면 워밍업 걸음 수 대신 씁니다.",
        },
    )
    lr_scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = setting(
        "cosine",
        advanced=True,
        label={"en": "Schedule", "ko": "학습률 일정 (schedule)"},
        help={
            "en": "How the learning rate falls after the warm-up; constant has no warm-up.",
            "ko": "워밍업 뒤 학습률이 어떻게 내려가는지입니다. constant에는 워밍업이 없습니다.",
        },
    )
    optimizer: Literal["adamw", "adamw_8bit", "adafactor", "muon"] = setting(
        "adamw",
        advanced=True,
        label={"en": "Optimiser", "ko": "옵티마이저 (optimizer)"},
        help={
            "en": "adamw: the usual one; adamw_8bit: a quarter of its memory; adafactor: hardly any; muon: for full training, matrices by Muon and the rest by AdamW.",
            "ko": "adamw: 보통 쓰는 것, adamw_8bit: 메모리 4분의 1, adafactor: 거의 안 씀, muon: 전체 학습용(행렬은 Muon, 나머지는 AdamW).",
        },
    )
    weight_decay: float = setting(
        0.01,
        ge=0,
        le=0.1,
        advanced=True,
        label={"en": "Weight decay", "ko": "가중치 감쇠 (weight decay)"},
        help={
            "en": "Pulls weights toward zero against over-fitting.",
            "ko": "과적합을 막으려 가중치를 0쪽으로 당깁니다.",
        },
    )
    max_grad_norm: float = setting(
        1.0,
        gt=0,
        le=100,
        advanced=True,
        label={"en": "Gradient limit", "ko": "기울기 한계 (max grad norm)"},
        help={
            "en": "Longer gradients are shortened to this norm.",
            "ko": "이보다 긴 기울기는 이 크기로 줄입니다.",
        },
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = setting(
        "auto",
        advanced=True,
        label={"en": "Precision", "ko": "정밀도 (mixed precision)"},
        help={
            "en": "auto: bf16 where a GPU computes it, fp16 on an older CUDA card, else fp32.",
            "ko": "auto: GPU가 계산할 수 있으면 bf16, 오래된 CUDA 카드는 fp16, 아니면 fp32.",
        },
    )
    neftune_noise_alpha: float | None = setting(
        None,
        ge=0,
        le=50,
        advanced=True,
        label={"en": "NEFTune noise", "ko": "NEFTune 잡음"},
        help={
            "en": "Noise on the embeddings, 5 is usual; answers get longer and less literal. Empty: none. arXiv 2310.05914",
            "ko": "임베딩에 넣는 잡음. 보통 5이며 답이 길고 자유로워집니다. 비우면 없음. arXiv 2310.05914",
        },
    )
    label_smoothing: float = setting(
        0.0,
        ge=0,
        le=0.5,
        advanced=True,
        label={"en": "Label smoothing", "ko": "레이블 스무딩 (label smoothing)"},
        help={
            "en": "Share of certainty taken from the right token; 0 is usual for fine-tuning.",
            "ko": "정답 토큰에서 덜어 내는 확신의 비율. 미세 조정에는 보통 0입니다.",
        },
    )
    dpo_beta: float = setting(
        0.1,
        gt=0,
        le=1,
        advanced=True,
        label={"en": "DPO beta", "ko": "DPO 베타 (beta)"},
        help={
            "en": "For preference pairs: how close the model stays to what it was; lower moves farther. arXiv 2305.18290",
            "ko": "선호 쌍 학습에서 원래 모델에 얼마나 가깝게 남는지. 낮을수록 멀어집니다. arXiv 2305.18290",
        },
    )
