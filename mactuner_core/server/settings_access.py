"""The settings of who may ask, how much and how fast, and of what is written to the log."""

from __future__ import annotations

from typing import Literal

from mactuner_core.config import Config, setting


class AccessSettings(Config):
    """Address, keys, limits and log."""

    host: str = setting(
        "127.0.0.1",
        label={"en": "Address", "ko": "주소"},
        help={
            "en": "address to listen on; anything but this machine's own needs API keys",
            "ko": "받을 주소. 이 컴퓨터 밖에서 접속하게 하려면 API 키가 필요합니다",
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
            "en": "text file with one API key or one line of --new-key or --hash-key each; requests must then carry a key",
            "ko": "한 줄에 API 키 하나, 또는 --new-key나 --hash-key가 만든 줄 하나씩 적힌 파일. 지정하면 요청에 키가 있어야 합니다",
        },
    )
    cors_origin: list[str] = setting(
        [],
        label={"en": "Allowed web pages", "ko": "허용할 웹 페이지 (CORS)"},
        help={
            "en": "origin of a web page that may call the server, such as https://chat.example; * for all, only with "
            "API keys; can be given several times",
            "ko": "서버를 부를 수 있는 웹 페이지의 출처. 예: https://chat.example. *는 모두이며 API 키가 있을 때만 됩니다. "
            "여러 번 지정할 수 있습니다",
        },
        advanced=True,
    )
    requests_per_minute: int = setting(
        0,
        ge=0,
        le=100_000,
        unit="requests",
        label={"en": "Requests a minute", "ko": "분당 요청 수"},
        help={
            "en": "how many requests each key may make in a minute (without keys: all together); 0: no limit",
            "ko": "키마다 1분에 보낼 수 있는 요청 수(키가 없으면 모두 합쳐서). 0: 제한 없음",
        },
        advanced=True,
    )
    requests_at_once: int = setting(
        0,
        ge=0,
        le=10_000,
        unit="requests",
        label={"en": "Requests at once of a key", "ko": "키별 동시 요청 수"},
        help={
            "en": "how many requests of each key may be open at the same time (without keys: all together); 0: no limit",
            "ko": "키마다 동시에 열어 둘 수 있는 요청 수(키가 없으면 모두 합쳐서). 0: 제한 없음",
        },
        advanced=True,
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
    body_timeout_s: int = setting(
        60,
        ge=1,
        le=3600,
        unit="s",
        label={"en": "Time to send", "ko": "전송 제한 시간"},
        help={
            "en": "how long a client may take to send its request before it is cut with status 408",
            "ko": "클라이언트가 요청을 다 보낼 때까지 기다리는 시간. 넘으면 상태 408로 끊습니다",
        },
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
    log_format: Literal["text", "json"] = setting(
        "text",
        label={"en": "Log format", "ko": "로그 형식"},
        help={
            "en": "text for people, json for programs: one object a line",
            "ko": "text는 사람이 읽는 형식, json은 프로그램용으로 한 줄에 객체 하나",
        },
        advanced=True,
    )
    log_texts: bool = setting(
        False,
        label={"en": "Log texts", "ko": "내용 기록"},
        help={
            "en": "write what people ask and what is answered to the log as well",
            "ko": "질문과 답변의 내용도 로그에 기록합니다",
        },
        advanced=True,
    )
