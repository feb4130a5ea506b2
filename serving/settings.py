"""The server's settings: one definition, from which come the flags and the MACTUNER_SERVE_* variables of the server."""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mactuner_core.config import Config, Setting, setting, settings_of
from mactuner_core.errors import InputError, SettingProblem
from mactuner_core.hardware import detect
from mactuner_core.messages import current_language, text

_ENVIRONMENT = "MACTUNER_SERVE_"


class ServeSettings(Config):
    """What the server is to do."""

    model: str = setting(
        ...,
        label={"en": "Model", "ko": "모델"},
        help={
            "en": "a .gguf file, or an export of the workspace: EXPORT or EXPORT:QUANT",
            "ko": ".gguf 파일, 또는 작업 폴더의 내보내기: EXPORT 또는 EXPORT:QUANT",
        },
    )
    name: str | None = setting(
        None,
        label={"en": "Name", "ko": "이름"},
        help={
            "en": "the model name clients use; default: the export's id or the file's name",
            "ko": "클라이언트가 쓰는 모델 이름. 기본값: 내보내기 id 또는 파일 이름",
        },
    )
    host: str = setting(
        "127.0.0.1",
        label={"en": "Address", "ko": "주소"},
        help={
            "en": "address to listen on; anything but this machine's own needs an API key file",
            "ko": "받을 주소. 이 컴퓨터 밖에서 접속하게 하려면 API 키 파일이 필요합니다",
        },
        advanced=True,
    )
    port: int = setting(
        8000,
        ge=0,
        le=65535,
        label={"en": "Port", "ko": "포트"},
        help={"en": "port to listen on; 0 picks a free one", "ko": "받을 포트. 0이면 빈 포트를 고릅니다"},
    )
    api_key_file: str | None = setting(
        None,
        label={"en": "API key file", "ko": "API 키 파일"},
        help={
            "en": "text file with one API key a line; requests must then carry one of them",
            "ko": "한 줄에 API 키 하나씩 적힌 파일. 지정하면 요청에 그 키가 있어야 합니다",
        },
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
    n_ctx: int = setting(
        8192,
        ge=256,
        le=1_048_576,
        unit="tokens",
        label={"en": "Context", "ko": "컨텍스트"},
        help={
            "en": "memory for prompts and answers, shared by all running requests; one alone may use up to the model's own limit",
            "ko": "프롬프트와 답변을 담는 메모리. 실행 중인 요청이 함께 쓰며, 하나만 있으면 모델의 한도까지 쓸 수 있습니다",
        },
    )
    n_parallel: int = setting(
        4,
        ge=1,
        le=64,
        label={"en": "Requests at once", "ko": "동시 요청 수"},
        help={
            "en": "how many requests are answered at the same time; more wait in the queue",
            "ko": "동시에 답하는 요청 수. 나머지는 대기열에서 기다립니다",
        },
    )
    n_threads: int = setting(
        0,
        ge=0,
        le=512,
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
    )
    max_body_mb: int = setting(
        16,
        ge=1,
        le=1024,
        unit="MB",
        label={"en": "Largest request", "ko": "최대 요청 크기"},
        help={"en": "larger requests are refused with status 413", "ko": "더 큰 요청은 상태 413으로 거절합니다"},
        advanced=True,
    )
    shutdown_s: int = setting(
        20,
        ge=0,
        le=3600,
        unit="s",
        label={"en": "Time to finish", "ko": "종료 대기 시간"},
        help={
            "en": "how long running answers may go on after the server was asked to stop",
            "ko": "종료 요청 후 진행 중인 답변을 기다리는 시간",
        },
        advanced=True,
    )

    def problems(self) -> list[SettingProblem]:
        """Refuse an address that others can reach while there is no key."""
        if is_loopback(self.host) or self.api_key_file:
            return []
        return [SettingProblem("serving.open_without_key", {"name": "host", "value": self.host})]

    def threads(self) -> int:
        """Return the number of threads to compute with."""
        return self.n_threads or detect().cores


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_keys(path: str) -> list[str]:
    """Return the API keys in a file, one a line, without blank lines and `#` comments; raises InputError."""
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError("serving.no_key_file", path=path, reason=problem) from problem
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise InputError("serving.empty_key_file", path=path)
    return keys


def settings_from(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> ServeSettings:
    """Return the settings of a command line: flags first, then MACTUNER_SERVE_* variables, then defaults.

    Raises ConfigError with every problem; argparse itself ends the program for an unknown flag (exit 2).
    """
    environment = os.environ if environment is None else environment
    given = vars(_parser().parse_args(arguments))
    values: dict[str, object] = {}
    for one in settings_of(ServeSettings):
        if given[one.name] is not None:
            values[one.name] = given[one.name]
        elif (variable := environment.get(_ENVIRONMENT + one.name.upper())) is not None:
            values[one.name] = variable
    return ServeSettings.check(values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving", description=text("serving.description"))
    for one in settings_of(ServeSettings):
        flag = "--" + one.name.replace("_", "-")
        if one.kind is bool:
            parser.add_argument(flag, action="store_true", default=None, help=_help(one))
        else:
            parser.add_argument(flag, default=None, metavar=(one.unit or one.kind.__name__).upper(), help=_help(one))
    return parser


def _help(one: Setting) -> str:
    parts = [one.help[current_language()]]
    if one.minimum is not None and one.maximum is not None:
        parts.append(f"[{one.minimum:g} – {one.maximum:g}]")
    if one.default is not None and one.default is not False:
        parts.append(f"(default: {one.default})")
    return " ".join(parts).replace("%", "%%")
