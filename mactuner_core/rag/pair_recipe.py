"""The recipe for writing question/source pairs: which endpoint, how many pairs, and what may be spent.

The API key is no part of it: it comes from the environment variable MACTUNER_SYNTHESIS_API_KEY and stays there.
"""

from __future__ import annotations

from mactuner_core.config import Config, setting
from mactuner_core.data.synthesis.recipe import SynthesisRecipe
from mactuner_core.errors import SettingProblem


class PairRecipe(Config):
    """Everything that decides which pairs are written, besides the chunks and the key."""

    base_url: str = setting(
        ...,
        label={"en": "Endpoint", "ko": "엔드포인트 (base_url)"},
        help={
            "en": "Address of an OpenAI-compatible server, up to /v1.",
            "ko": "OpenAI 호환 서버의 주소. /v1까지 적습니다.",
        },
    )
    model: str = setting(
        ...,
        label={"en": "Model", "ko": "모델"},
        help={"en": "Name of the model at the endpoint.", "ko": "엔드포인트에 있는 모델의 이름입니다."},
    )
    count: int = setting(
        100,
        label={"en": "Pairs", "ko": "질문 수"},
        help={"en": "How many pairs to accept.", "ko": "받아들일 질문과 출처 쌍의 수."},
        ge=1,
        le=10_000,
    )
    pairs_per_chunk: int = setting(
        2,
        label={"en": "Questions per chunk", "ko": "청크당 질문 수"},
        help={"en": "How many questions one request asks for.", "ko": "요청 하나로 만드는 질문의 수."},
        ge=1,
        le=10,
    )
    concurrency: int = setting(
        2,
        label={"en": "Requests at once", "ko": "동시 요청 수"},
        help={"en": "How many requests are under way at once.", "ko": "동시에 보내는 요청의 수."},
        ge=1,
        le=64,
    )
    temperature: float | None = setting(
        0.7,
        label={"en": "Temperature", "ko": "온도 (temperature)"},
        help={
            "en": "Higher is more varied; null leaves it to the server.",
            "ko": "높을수록 다양합니다. null이면 서버 기본값.",
        },
        ge=0,
        le=2,
    )
    max_tokens: int = setting(
        1024,
        label={"en": "Reply limit", "ko": "답변 길이 제한 (max_tokens)"},
        help={"en": "Where one reply ends.", "ko": "답변 하나의 최대 길이."},
        unit="tokens",
        ge=1,
        le=100_000,
    )
    token_budget: int = setting(
        500_000,
        label={"en": "Token budget", "ko": "토큰 예산"},
        help={
            "en": "No request is sent that could exceed it, prompts and replies together.",
            "ko": "프롬프트와 답변을 합해 이 값을 넘을 수 있는 요청은 보내지 않습니다.",
        },
        unit="tokens",
        ge=1,
        le=10**12,
    )
    timeout_s: float = setting(
        120.0,
        label={"en": "Time limit", "ko": "시간제한"},
        help={"en": "For one request.", "ko": "요청 하나에 대한 제한."},
        unit="s",
        ge=0.1,
        le=3600,
        advanced=True,
    )
    retries: int = setting(
        5,
        label={"en": "Retries", "ko": "재시도"},
        help={
            "en": "How often a request that failed is sent again before giving up.",
            "ko": "실패한 요청을 포기하기 전에 다시 보내는 횟수.",
        },
        ge=0,
        le=100,
        advanced=True,
    )
    backoff_s: float = setting(
        1.0,
        label={"en": "First pause", "ko": "첫 대기 시간"},
        help={
            "en": "After a failure; doubled each time.",
            "ko": "실패한 뒤의 대기 시간. 실패할 때마다 두 배가 됩니다.",
        },
        unit="s",
        ge=0.01,
        le=60,
        advanced=True,
    )
    seed: int = setting(
        42,
        label={"en": "Seed", "ko": "시드 (seed)"},
        help={"en": "Decides in which order chunks are taken.", "ko": "청크를 고르는 순서를 정합니다."},
        ge=0,
        le=2**31 - 1,
        advanced=True,
    )

    @property
    def endpoint(self) -> SynthesisRecipe:
        """The same endpoint as the client of the synthesis takes it; it needs no gold rows here."""
        names = ("base_url", "model", "temperature", "max_tokens", "timeout_s")
        return SynthesisRecipe.model_validate({"gold": "-", **{name: getattr(self, name) for name in names}})

    def problems(self) -> list[SettingProblem]:
        """Return what is wrong with the address."""
        return self.endpoint.problems()
