"""The settings of a training run: one definition for flags, form, YAML file and check."""

from __future__ import annotations

from typing import Literal

from mactuner_core.config import Config, setting
from mactuner_core.errors import SettingProblem


def _text(en: str, ko: str) -> dict[str, str]:
    return {"en": en, "ko": ko}


class TrainingConfig(Config):
    """Everything that decides a run, besides the model's and the dataset's own bytes."""

    model: str = setting(
        ...,
        label=_text("Model", "모델"),
        help=_text("The base model: its id in the catalogue.", "기본 모델: 목록에 있는 모델 ID입니다."),
    )
    dataset: str = setting(
        ...,
        label=_text("Dataset", "데이터셋"),
        help=_text(
            "Name, or name@version; a name alone means the latest.", "이름 또는 이름@버전. 이름만 쓰면 최신 버전입니다."
        ),
    )
    method: Literal["full", "lora"] = setting(
        "lora",
        label=_text("Method", "학습 방법"),
        help=_text(
            "full trains every weight; lora trains a small adapter and needs far less memory.",
            "full은 모든 가중치를, lora는 작은 어댑터만 학습하며 메모리를 훨씬 적게 씁니다.",
        ),
    )
    epochs: int = setting(
        3,
        ge=1,
        le=100,
        label=_text("Epochs", "에포크 (epochs)"),
        help=_text("How many times every example is seen.", "모든 예시를 몇 번 보는지 정합니다."),
    )
    learning_rate: float = setting(
        5e-5,
        ge=1e-6,
        le=1e-2,
        label=_text("Learning rate", "학습률 (learning rate)"),
        help=_text(
            "The size of a step at its highest. Too high and the loss jumps; too low and nothing is learned.",
            "가장 클 때의 걸음 크기입니다. 너무 크면 손실이 튀고, 너무 작으면 배우지 못합니다.",
        ),
    )
    batch_size: int = setting(
        4,
        ge=1,
        le=32,
        unit="rows",
        label=_text("Batch size", "배치 크기 (batch size)"),
        help=_text(
            "Examples computed at once; more needs more memory.", "한 번에 계산하는 예시 수. 크면 메모리를 더 씁니다."
        ),
    )
    gradient_accumulation: int = setting(
        1,
        ge=1,
        le=128,
        unit="batches",
        label=_text("Gradient accumulation", "기울기 누적 (gradient accumulation)"),
        help=_text(
            "Batches added up before each step: a larger effective batch with the memory of a small one.",
            "한 걸음 전에 더하는 배치 수. 작은 메모리로 큰 배치의 효과를 냅니다.",
        ),
    )
    max_length: int = setting(
        1024,
        ge=16,
        le=131072,
        unit="tokens",
        label=_text("Longest example", "최대 길이 (max length)"),
        help=_text(
            "Longer examples are cut here and counted in the report.", "더 긴 예시는 여기서 잘리고 보고서에 셉니다."
        ),
    )
    lora_rank: int = setting(
        8,
        ge=4,
        le=64,
        label=_text("LoRA rank", "LoRA 랭크 (rank)"),
        help=_text(
            "The width of the adapter: higher learns more and needs more.", "어댑터의 폭. 높을수록 더 배우고 더 씁니다."
        ),
    )
    lora_alpha: int = setting(
        16,
        ge=1,
        le=256,
        label=_text("LoRA alpha", "LoRA 알파 (alpha)"),
        help=_text("The weight of the adapter; twice the rank is usual.", "어댑터의 세기. 보통 랭크의 두 배입니다."),
    )
    lora_dropout: float = setting(
        0.1,
        ge=0,
        le=0.5,
        label=_text("LoRA dropout", "LoRA 드롭아웃 (dropout)"),
        help=_text("Share of the adapter's input left out at random.", "어댑터 입력에서 무작위로 빼는 비율입니다."),
    )
    warmup_ratio: float = setting(
        0.05,
        ge=0,
        le=0.5,
        advanced=True,
        label=_text("Warm-up", "워밍업 비율 (warm-up)"),
        help=_text(
            "Share of the steps in which the learning rate rises; constant has none.",
            "학습률이 올라가는 걸음의 비율입니다. constant에는 없습니다.",
        ),
    )
    lr_scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = setting(
        "cosine",
        advanced=True,
        label=_text("Schedule", "학습률 일정 (schedule)"),
        help=_text("How the learning rate falls after the warm-up.", "워밍업 뒤 학습률이 어떻게 내려가는지입니다."),
    )
    weight_decay: float = setting(
        0.01,
        ge=0,
        le=0.1,
        advanced=True,
        label=_text("Weight decay", "가중치 감쇠 (weight decay)"),
        help=_text("Pulls weights toward zero against over-fitting.", "과적합을 막으려 가중치를 0쪽으로 당깁니다."),
    )
    max_grad_norm: float = setting(
        1.0,
        gt=0,
        le=100,
        advanced=True,
        label=_text("Gradient limit", "기울기 한계 (max grad norm)"),
        help=_text("Longer gradients are shortened to this norm.", "이보다 긴 기울기는 이 크기로 줄입니다."),
    )
    gradient_checkpointing: bool = setting(
        True,
        advanced=True,
        label=_text("Gradient checkpointing", "기울기 체크포인팅 (gradient checkpointing)"),
        help=_text(
            "Saves memory by computing twice; about a quarter slower.",
            "두 번 계산해 메모리를 아낍니다. 약 1/4 느려집니다.",
        ),
    )
    logging_steps: int | None = setting(
        None,
        ge=1,
        le=10000,
        unit="steps",
        advanced=True,
        label=_text("Report every", "기록 간격"),
        help=_text(
            "Steps between two points of the chart; empty means about 200 points a run.",
            "차트 점 사이의 걸음 수. 비우면 한 실행에 약 200점입니다.",
        ),
    )
    eval_steps: int | None = setting(
        None,
        ge=1,
        le=100000,
        unit="steps",
        advanced=True,
        label=_text("Validate every", "검증 간격"),
        help=_text(
            "Steps between two validations; empty means about ten a run.",
            "검증 사이의 걸음 수. 비우면 한 실행에 약 10번입니다.",
        ),
    )
    save_steps: int | None = setting(
        None,
        ge=1,
        le=100000,
        unit="steps",
        advanced=True,
        label=_text("Checkpoint every", "체크포인트 간격"),
        help=_text(
            "Steps between two checkpoints; empty means at the end of an epoch, at most once a minute.",
            "체크포인트 사이의 걸음 수. 비우면 에포크가 끝날 때, 많아야 1분에 한 번입니다.",
        ),
    )
    keep_checkpoints: int = setting(
        1,
        ge=1,
        le=20,
        advanced=True,
        label=_text("Checkpoints kept", "보관할 체크포인트"),
        help=_text("Older ones are deleted.", "더 오래된 것은 지웁니다."),
    )
    seed: int = setting(
        42,
        ge=0,
        le=2**31 - 1,
        advanced=True,
        label=_text("Seed", "시드 (seed)"),
        help=_text("Same seed, same run (on the same machine).", "같은 시드는 (같은 기계에서) 같은 실행을 만듭니다."),
    )

    def problems(self) -> list[SettingProblem]:
        """Return what does not fit together."""
        found = []
        if self.method == "lora" and self.lora_alpha < self.lora_rank / 4:
            found.append(
                SettingProblem(
                    "training.alpha_small", {"name": "lora_alpha", "value": self.lora_alpha, "rank": self.lora_rank}
                )
            )
        if self.method == "lora" and self.lora_alpha > self.lora_rank * 16:
            found.append(
                SettingProblem(
                    "training.alpha_large", {"name": "lora_alpha", "value": self.lora_alpha, "rank": self.lora_rank}
                )
            )
        return found
