"""The settings of how answers are computed: context, batch, queue, prefix cache, speculation."""

from __future__ import annotations

from typing import Literal

from mactuner_core.config import Config, setting
from mactuner_core.hardware import detect


class EngineSettings(Config):
    """How answers are computed; every loaded model has its own context, batch and queue of these sizes."""

    n_ctx: int = setting(
        4096,
        ge=256,
        le=1_048_576,
        unit="tokens",
        label={"en": "Context", "ko": "컨텍스트"},
        help={
            "en": "how long prompt and answer of one request may be together; memory is taken for each request at once",
            "ko": "요청 하나의 프롬프트와 답변을 합친 최대 길이. 동시 요청 수만큼 메모리를 씁니다",
        },
    )
    n_parallel: int = setting(
        4,
        ge=1,
        le=64,
        unit="requests",
        label={"en": "Requests at once", "ko": "동시 요청 수"},
        help={
            "en": "how many requests are answered at the same time; more wait in the queue",
            "ko": "동시에 답하는 요청 수. 나머지는 대기열에서 기다립니다",
        },
    )
    shared_context: bool = setting(
        False,
        label={"en": "Share the context", "ko": "컨텍스트 함께 쓰기"},
        help={
            "en": "all requests share the memory of one context: less memory, but slower when several long ones run",
            "ko": "모든 요청이 컨텍스트 하나의 메모리를 나누어 씁니다. 메모리는 적게 들지만 긴 요청이 여럿이면 느려집니다",
        },
        advanced=True,
    )
    n_batch: int = setting(
        2048,
        ge=32,
        le=4096,
        unit="tokens",
        label={"en": "Batch", "ko": "배치 크기"},
        help={
            "en": "how many tokens of prompts are read between two tokens of the answers under way; less makes the pauses that a long "
            "prompt brings to other answers shorter, and everybody finish later",
            "ko": "쓰고 있는 답변의 토큰과 토큰 사이에 읽는 프롬프트 토큰 수. 줄이면 긴 프롬프트 때문에 다른 답변이 멈추는 시간이 짧아지지만 "
            "전체는 늦게 끝납니다",
        },
        advanced=True,
    )
    n_threads: int = setting(
        0,
        ge=0,
        le=512,
        unit="threads",
        label={"en": "Threads", "ko": "스레드"},
        help={
            "en": "processor threads to compute with; 0: one for each core",
            "ko": "계산에 쓸 스레드 수. 0: 코어 수만큼",
        },
        advanced=True,
    )
    queue_size: int = setting(
        64,
        ge=0,
        le=10_000,
        unit="requests",
        label={"en": "Queue", "ko": "대기열"},
        help={
            "en": "how many requests may wait; more are refused with status 429",
            "ko": "기다릴 수 있는 요청 수. 넘으면 상태 429로 거절합니다",
        },
        advanced=True,
    )
    max_tokens: int = setting(
        2048,
        ge=1,
        le=1_048_576,
        unit="tokens",
        label={"en": "Longest answer", "ko": "최대 답변 길이"},
        help={
            "en": "where an answer ends when the request does not say max_tokens",
            "ko": "요청에 max_tokens가 없을 때 답변을 끝내는 길이",
        },
        advanced=True,
    )
    request_timeout_s: int = setting(
        600,
        ge=0,
        le=86_400,
        unit="s",
        label={"en": "Longest request", "ko": "최대 요청 시간"},
        help={
            "en": "how long a request may wait and run before it is ended with an error; 0: as long as it takes",
            "ko": "요청이 기다리고 실행될 수 있는 시간. 넘으면 오류로 끝냅니다. 0: 제한 없음",
        },
        advanced=True,
    )
    prefix_cache: bool = setting(
        True,
        label={"en": "Prefix cache", "ko": "프리픽스 캐시"},
        help={
            "en": "keep what was computed for earlier prompts, so that the same beginning is not computed again",
            "ko": "앞서 계산한 프롬프트를 남겨 두어 같은 앞부분을 다시 계산하지 않습니다",
        },
        advanced=True,
    )
    prefix_cache_dir: str | None = setting(
        None,
        label={"en": "Prefix cache folder", "ko": "프리픽스 캐시 폴더"},
        help={
            "en": "folder that keeps cached prompts on disk, over restarts; it then holds what people wrote; default: "
            "memory only",
            "ko": "계산한 프롬프트를 디스크에 보관할 폴더. 다시 시작해도 남으며, 사용자가 쓴 글이 저장됩니다. "
            "기본값: 메모리에만",
        },
        advanced=True,
    )
    prefix_cache_disk_mb: int = setting(
        2048,
        ge=16,
        le=1_048_576,
        unit="MB",
        label={"en": "Prefix cache on disk", "ko": "프리픽스 캐시 디스크 크기"},
        help={
            "en": "how much the prefix cache folder may hold; the oldest is deleted first",
            "ko": "프리픽스 캐시 폴더의 최대 크기. 오래된 것부터 지웁니다",
        },
        advanced=True,
    )
    speculation: Literal["auto", "on", "off"] = setting(
        "auto",
        label={"en": "Speculation", "ko": "추측 생성 (speculation)"},
        help={
            "en": "guess the next tokens from the prompt and check several at once; auto does so while it pays",
            "ko": "프롬프트에서 다음 토큰을 추측해 여러 개를 한 번에 확인합니다. auto는 이득일 때만 합니다",
        },
        advanced=True,
    )

    def threads(self) -> int:
        """Return the number of threads to compute with."""
        return self.n_threads or detect().cores
