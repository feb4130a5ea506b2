"""The settings of a training run: one definition for flags, form, YAML file and check."""

from __future__ import annotations

from typing import Literal

from mactuner_core.config import Config, setting
from mactuner_core.errors import SettingProblem
from mactuner_core.training.config_adapter import AdapterSettings
from mactuner_core.training.config_optimizer import OptimizerSettings
from mactuner_core.training.config_watch import WatchSettings

Method = Literal["full", "lora", "qlora"]
Objective = Literal["sft", "pretraining", "dpo"]


class BasicSettings(Config):
    """What is trained on what, and the few settings that matter most."""

    model: str = setting(
        ...,
        label={"en": "Model", "ko": "모델"},
        help={
            "en": "The base model: its id in the catalogue, or RUN or RUN@STEP to go on from what a run learned.",
            "ko": "기본 모델: 목록의 모델 ID. 이미 학습한 것에서 이어 가려면 RUN 또는 RUN@STEP입니다.",
        },
    )
    dataset: str = setting(
        ...,
        label={"en": "Dataset", "ko": "데이터셋"},
        help={
            "en": "Name, or name@version; a name alone means the latest.",
            "ko": "이름 또는 이름@버전. 이름만 쓰면 최신 버전입니다.",
        },
    )
    objective: Objective = setting(
        "sft",
        label={"en": "Objective", "ko": "학습 목표 (objective)"},
        help={
            "en": "sft: answers in chats; pretraining: plain text; dpo: of two answers the preferred one.",
            "ko": "sft: 대화의 답변, pretraining: 일반 글, dpo: 두 답변 중 선호하는 쪽.",
        },
    )
    method: Method = setting(
        "lora",
        label={"en": "Method", "ko": "학습 방법"},
        help={
            "en": "full trains every weight; lora a small adapter with far less memory; qlora the same over weights in four bits.",
            "ko": "full은 모든 가중치를, lora는 작은 어댑터만 훨씬 적은 메모리로, qlora는 4비트 가중치 위에서 학습합니다.",
        },
    )
    epochs: int = setting(
        3,
        ge=1,
        le=100,
        label={"en": "Epochs", "ko": "에포크 (epochs)"},
        help={"en": "How many times every example is seen.", "ko": "모든 예시를 몇 번 보는지 정합니다."},
    )
    learning_rate: float = setting(
        5e-5,
        ge=1e-5,
        le=1e-3,
        label={"en": "Learning rate", "ko": "학습률 (learning rate)"},
        help={
            "en": "The size of a step at its highest. Too high and the loss jumps; too low and nothing is learned.",
            "ko": "가장 클 때의 걸음 크기입니다. 너무 크면 손실이 튀고, 너무 작으면 배우지 못합니다.",
        },
    )
    batch_size: int = setting(
        4,
        ge=1,
        le=32,
        unit="rows",
        label={"en": "Batch size", "ko": "배치 크기 (batch size)"},
        help={
            "en": "Examples computed at once; more needs more memory.",
            "ko": "한 번에 계산하는 예시 수. 크면 메모리를 더 씁니다.",
        },
    )
    gradient_accumulation: int = setting(
        1,
        ge=1,
        le=128,
        unit="batches",
        label={"en": "Gradient accumulation", "ko": "기울기 누적 (gradient accumulation)"},
        help={
            "en": "Batches added up before each step: a larger effective batch with the memory of a small one.",
            "ko": "한 걸음 전에 더하는 배치 수. 작은 메모리로 큰 배치의 효과를 냅니다.",
        },
    )
    max_length: int = setting(
        1024,
        ge=16,
        le=131072,
        unit="tokens",
        label={"en": "Longest example", "ko": "최대 길이 (max length)"},
        help={
            "en": "Longer examples are cut here and counted in the report.",
            "ko": "더 긴 예시는 여기서 잘리고 보고서에 셉니다.",
        },
    )
    packing: bool = setting(
        False,
        advanced=True,
        label={"en": "Packing", "ko": "묶기 (packing)"},
        help={
            "en": "Fills each row with several short examples; refused where one would see into another.",
            "ko": "짧은 예시 여럿을 한 줄에 채웁니다. 서로 섞여 보이는 모델에서는 거절됩니다.",
        },
    )
    gradient_checkpointing: bool = setting(
        True,
        advanced=True,
        label={"en": "Gradient checkpointing", "ko": "기울기 체크포인팅 (gradient checkpointing)"},
        help={
            "en": "Saves memory by computing twice; about a quarter slower.",
            "ko": "두 번 계산해 메모리를 아낍니다. 약 1/4 느려집니다.",
        },
    )
    fit_automatically: bool = setting(
        True,
        advanced=True,
        label={"en": "Fit automatically", "ko": "메모리에 자동 맞춤"},
        help={
            "en": "When memory runs out, halves the batch and doubles the accumulation: the effective batch stays.",
            "ko": "메모리가 모자라면 배치를 반으로, 누적을 두 배로 합니다. 실제 배치는 그대로입니다.",
        },
    )


class TrainingConfig(WatchSettings, OptimizerSettings, AdapterSettings, BasicSettings):
    """Everything that decides a run, besides the model's and the dataset's own bytes."""

    def problems(self) -> list[SettingProblem]:
        """Return what does not fit together."""
        found: list[SettingProblem] = []
        alpha = {"name": "lora_alpha", "value": self.lora_alpha, "rank": self.lora_rank}
        if self.method != "full":
            if self.lora_alpha < self.lora_rank / 4:
                found.append(SettingProblem("training.alpha_small", alpha))
            if self.lora_alpha > self.lora_rank * 16:
                found.append(SettingProblem("training.alpha_large", alpha))
            if self.optimizer == "muon":
                found.append(SettingProblem("training.muon_needs_full", {"name": "optimizer", "method": self.method}))
            if self.lora_plus_ratio and self.optimizer == "adafactor":
                found.append(SettingProblem("training.lora_plus_needs_adamw", {"name": "lora_plus_ratio"}))
        if self.packing and self.objective == "dpo":
            found.append(SettingProblem("training.packing_not_for_pairs", {"name": "packing"}))
        return found

    @property
    def prompts(self) -> list[str]:
        """The test prompts, one for each line that is not empty."""
        return [line.strip() for line in self.test_prompts.splitlines() if line.strip()]
