"""The settings of what happens beside the steps: validation, checkpoints, samples, reports."""

from __future__ import annotations

from typing import Literal

from mactuner_core.config import Config, setting


class WatchSettings(Config):
    """How often a run is measured and saved, and who hears of it."""

    logging_steps: int | None = setting(
        None,
        ge=1,
        le=10000,
        unit="steps",
        advanced=True,
        label={"en": "Report every", "ko": "기록 간격"},
        help={
            "en": "Steps between two points of the chart; empty means about 200 points a run.",
            "ko": "차트 점 사이의 걸음 수. 비우면 한 실행에 약 200점입니다.",
        },
    )
    eval_steps: int | None = setting(
        None,
        ge=1,
        le=100000,
        unit="steps",
        advanced=True,
        label={"en": "Validate every", "ko": "검증 간격"},
        help={
            "en": "Steps between two validations; empty means about ten a run.",
            "ko": "검증 사이의 걸음 수. 비우면 한 실행에 약 10번입니다.",
        },
    )
    save_steps: int | None = setting(
        None,
        ge=1,
        le=100000,
        unit="steps",
        advanced=True,
        label={"en": "Checkpoint every", "ko": "체크포인트 간격"},
        help={
            "en": "Steps between two checkpoints; empty means once a minute, and less often where saving would take more than a twentieth of the time.",
            "ko": "체크포인트 사이의 걸음 수. 비우면 1분에 한 번이고, 저장이 전체 시간의 20분의 1을 넘을 것 같으면 더 드물게 합니다.",
        },
    )
    keep_checkpoints: int = setting(
        2,
        ge=1,
        le=20,
        advanced=True,
        label={"en": "Checkpoints kept", "ko": "보관할 체크포인트"},
        help={
            "en": "Older ones are deleted; the one with the lowest validation loss stays beside them.",
            "ko": "더 오래된 것은 지웁니다. 검증 손실이 가장 낮은 것은 따로 남깁니다.",
        },
    )
    save_best: bool = setting(
        True,
        advanced=True,
        label={"en": "Keep the best", "ko": "가장 좋은 것 보관"},
        help={
            "en": "Saves a checkpoint whenever the validation loss is the lowest so far.",
            "ko": "검증 손실이 지금까지 가장 낮을 때마다 체크포인트를 저장합니다.",
        },
    )
    early_stopping_patience: int | None = setting(
        None,
        ge=1,
        le=100,
        unit="validations",
        advanced=True,
        label={"en": "Early stopping", "ko": "조기 종료 (early stopping)"},
        help={
            "en": "Ends the run, with its best checkpoint, after so many validations without a lower loss; empty means never.",
            "ko": "검증 손실이 이 횟수만큼 낮아지지 않으면 가장 좋은 체크포인트로 끝냅니다. 비우면 끄기.",
        },
    )
    test_prompts: str = setting(
        "",
        advanced=True,
        label={"en": "Test prompts", "ko": "시험 질문 (test prompts)"},
        help={
            "en": "One question a line; the model answers them at each validation, so that you can watch it learn.",
            "ko": "한 줄에 질문 하나. 검증할 때마다 모델이 답하므로 배우는 모습을 볼 수 있습니다.",
        },
    )
    report_to: Literal["none", "tensorboard", "wandb", "trackio", "mlflow"] = setting(
        "none",
        advanced=True,
        label={"en": "Report to", "ko": "외부 기록 (report to)"},
        help={
            "en": "Also writes the figures for another tool, which has to be installed. wandb sends them over the network.",
            "ko": "설치된 다른 도구용으로도 수치를 씁니다. wandb는 네트워크로 보냅니다.",
        },
    )
    seed: int = setting(
        42,
        ge=0,
        le=2**31 - 1,
        advanced=True,
        label={"en": "Seed", "ko": "시드 (seed)"},
        help={
            "en": "Same seed, same run (on the same machine).",
            "ko": "같은 시드는 (같은 기계에서) 같은 실행을 만듭니다.",
        },
    )
