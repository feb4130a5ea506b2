"""The recipe of a synthesis: which endpoint, which gold examples, how many new ones, and what may be spent.

The API key is no part of it: it comes from the environment variable MACTUNER_SYNTHESIS_API_KEY and stays there.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from mactuner_core.config import Config, setting
from mactuner_core.data.synthesis.prompt import DEFAULT_PROMPT, prompt_problem
from mactuner_core.errors import SettingProblem

KEY_VARIABLE = "MACTUNER_SYNTHESIS_API_KEY"


def _text(en: str, ko: str) -> dict[str, str]:
    return {"en": en, "ko": ko}


def _number(default: Any, label: dict[str, str], help: dict[str, str], **limits: Any) -> Any:
    return setting(default, label=label, help=help, **limits)


class SynthesisRecipe(Config):
    """Everything that decides a synthesis, besides the key."""

    base_url: str = setting(
        ...,
        label=_text("Endpoint", "엔드포인트 (base_url)"),
        help=_text("Address of an OpenAI-compatible server, up to /v1.", "OpenAI 호환 서버의 주소. /v1까지 적습니다."),
    )
    model: str = setting(
        ...,
        label=_text("Model", "모델"),
        help=_text("Name of the model at the endpoint.", "엔드포인트에 있는 모델의 이름입니다."),
    )
    gold: str = setting(
        ...,
        label=_text("Gold examples", "기준 예시"),
        help=_text(
            "A dataset (name or name@version), or a file with examples.", "데이터셋(이름 또는 이름@버전)이나 예시 파일."
        ),
    )
    rules: str | None = setting(
        None,
        label=_text("Rules", "규칙"),
        help=_text("File with rules that every new row must keep.", "새 행이 모두 지켜야 하는 규칙 파일."),
    )
    instructions: str = setting(
        "",
        label=_text("Instructions", "추가 지시"),
        help=_text("Put into the prompt at {instructions}.", "프롬프트의 {instructions} 자리에 들어갑니다."),
    )
    prompt: str = setting(
        DEFAULT_PROMPT,
        advanced=True,
        label=_text("Prompt", "프롬프트 (prompt)"),
        help=_text(
            "With {examples}, {count} and {instructions}; any other brace is doubled.",
            "{examples}, {count}, {instructions}를 쓸 수 있고 다른 중괄호는 두 번 씁니다.",
        ),
    )
    count: int = _number(
        50,
        _text("New rows", "새 행 수"),
        _text("How many rows to accept.", "받아들일 행의 수."),
        unit="rows",
        ge=1,
        le=100_000,
    )
    rows_per_request: int = _number(
        5,
        _text("Rows per request", "요청당 행 수"),
        _text("How many new rows one request asks for.", "요청 하나로 새로 만드는 행의 수."),
        unit="rows",
        ge=1,
        le=50,
    )
    examples_per_request: int = _number(
        3,
        _text("Examples per request", "요청당 예시 수"),
        _text("How many gold examples a prompt shows.", "프롬프트에 보여 주는 기준 예시의 수."),
        unit="rows",
        ge=1,
        le=20,
    )
    concurrency: int = _number(
        2,
        _text("Requests at once", "동시 요청 수"),
        _text("How many requests are under way at once.", "동시에 보내는 요청의 수."),
        ge=1,
        le=64,
    )
    temperature: float | None = _number(
        0.9,
        _text("Temperature", "온도 (temperature)"),
        _text("Higher is more varied; null leaves it to the server.", "높을수록 다양합니다. null이면 서버 기본값."),
        ge=0,
        le=2,
    )
    max_tokens: int = _number(
        2048,
        _text("Reply limit", "답변 길이 제한 (max_tokens)"),
        _text(
            "Where one reply ends; it must hold all its rows.", "답변 하나의 최대 길이. 요청한 행이 다 들어가야 합니다."
        ),
        unit="tokens",
        ge=1,
        le=1_000_000,
    )
    token_budget: int = _number(
        200_000,
        _text("Token budget", "토큰 예산"),
        _text(
            "No request is sent that could exceed it, prompts and replies together.",
            "프롬프트와 답변을 합해 이 값을 넘을 수 있는 요청은 보내지 않습니다.",
        ),
        unit="tokens",
        ge=1,
        le=10**12,
    )
    max_requests: int | None = _number(
        None,
        _text("Request limit", "요청 수 제한"),
        _text(
            "Replies to use at most; empty: four times as many as needed, and ten more.",
            "사용할 답변의 최대 수. 비우면 필요한 수의 네 배에 열을 더한 값.",
        ),
        ge=1,
        le=10**7,
        advanced=True,
    )
    duplicate_threshold: float = _number(
        0.8,
        _text("Duplicate threshold", "중복 기준"),
        _text(
            "A row that shares more of its letter triples than this with another is a duplicate.",
            "글자 세 개 묶음이 이 비율보다 많이 겹치면 중복으로 봅니다.",
        ),
        ge=0.1,
        le=1,
    )
    timeout_s: float = _number(
        120.0,
        _text("Time limit", "시간제한"),
        _text("For one request.", "요청 하나에 대한 제한."),
        unit="s",
        ge=0.1,
        le=3600,
        advanced=True,
    )
    retries: int = _number(
        5,
        _text("Retries", "재시도"),
        _text("Failures of the endpoint in a row before giving up.", "포기하기 전에 연이어 허용하는 실패의 수."),
        ge=0,
        le=100,
        advanced=True,
    )
    backoff_s: float = _number(
        1.0,
        _text("First pause", "첫 대기 시간"),
        _text("After a failure; doubled each time.", "실패한 뒤의 대기 시간. 실패할 때마다 두 배가 됩니다."),
        unit="s",
        ge=0.01,
        le=60,
        advanced=True,
    )
    seed: int = _number(
        42,
        _text("Seed", "시드 (seed)"),
        _text("Decides which examples each prompt shows.", "각 프롬프트에 보일 예시를 정합니다."),
        ge=0,
        le=2**31 - 1,
        advanced=True,
    )

    @property
    def request_limit(self) -> int:
        """How many replies may be used."""
        return self.max_requests or 4 * -(-self.count // self.rows_per_request) + 10

    def problems(self) -> list[SettingProblem]:
        """Return what is wrong with the address and the prompt."""
        found = []
        if reason := _url_problem(self.base_url):
            found.append(
                SettingProblem(
                    reason, {"name": "base_url", "value": self.base_url.rpartition("@")[2].partition("?")[0]}
                )
            )
        if reason := prompt_problem(self.prompt):
            found.append(SettingProblem("synthesis.bad_prompt", {"name": "prompt", "reason": reason}))
        return found


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        if parts.username or parts.password or parts.query:
            return "synthesis.secret_in_url"
        return None if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 else "synthesis.bad_url"
    except ValueError:
        return "synthesis.bad_url"
