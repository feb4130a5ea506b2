"""Who may ask: loopback only without a key, keys, the Host header, content type and size; and what the log holds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from starlette.testclient import TestClient

from mactuner_core.errors import ConfigError
from serving.app import create_app
from serving.engine.pool import Pool
from serving.models import ServedModel
from serving.settings import ServeSettings, is_loopback
from tests.serving.conftest import Running, Taught, ask
from tests.serving.test_errors import raw


@pytest.fixture
def keyed(start: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server that asks for one of two keys."""
    file = tmp_path_factory.mktemp("keys") / "keys.txt"
    file.write_text("# mine\nfirst-key\n\n  second-키  \n", encoding="utf-8")
    return start(api_key="first-key", api_key_file=str(file))


def test_keys(keyed: Running) -> None:
    assert keyed.client.models.list().data
    second = "Bearer second-키".encode().decode("latin-1")  # http.client sends latin-1
    assert raw(keyed, "GET", "/v1/models", headers={"Authorization": second})[0] == 200
    for header in ("Bearer wrong", "Bearer ", "Basic first-key", "first-key", ""):
        status, headers, body = raw(keyed, "GET", "/v1/models", headers={"Authorization": header})
        assert (status, body["error"]["code"]) == (401, "invalid_api_key")
        assert headers["www-authenticate"] == "Bearer"
    status, _, body = raw(keyed, "GET", "/v1/models")
    assert status == 401
    assert "Authorization" in body["error"]["message"]
    assert raw(keyed, "GET", "/health")[0] == 200
    with pytest.raises(openai.AuthenticationError):
        keyed.client.with_options(api_key="nope").chat.completions.create(model=keyed.name, messages=ask("x"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.5", "example.com", ""])  # noqa: S104
def test_an_open_address_without_a_key_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match=r"api-key-file"):
        ServeSettings.check({"model": "x.gguf", "host": host})
    assert ServeSettings.check({"model": "x.gguf", "host": host, "api_key_file": "keys"}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    assert ServeSettings.check({"model": "x.gguf", "host": host}).host == host


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8000", 200),
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:80", 403),
        ("", 403),
    ],
)
def test_the_host_header_must_name_this_machine(server: Running, host: str, status: int) -> None:
    got, _, body = raw(server, "GET", "/v1/models", headers={"Host": host})
    assert got == status
    if status != 200:
        assert body["error"]["code"] == "host_not_allowed"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken(server: Running, kind: str) -> None:
    status, _, body = raw(server, "POST", "/v1/chat/completions", b"{}", {"Content-Type": kind})
    assert status == 415
    assert "application/json" in body["error"]["message"]


def test_no_other_web_page_may_read(server: Running) -> None:
    status, headers, _ = raw(server, "GET", "/v1/models", headers={"Origin": "https://evil.example"})
    assert status == 200
    assert not any(name.startswith("access-control") for name in headers)
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert raw(server, "OPTIONS", "/v1/chat/completions", headers=asked)[0] == 405


@pytest.mark.parametrize("announced", [True, False])
def test_a_large_body_is_refused(start: Callable[..., Running], announced: bool) -> None:
    server = start(max_body_mb=1)
    body: Any = b'{"model": "' + b"x" * 1_100_000 + b'"}'
    if not announced:
        whole = body
        body = (whole[at : at + 65536] for at in range(0, len(whole), 65536))
    try:
        status, _, answer = raw(server, "POST", "/v1/chat/completions", body)
    except (BrokenPipeError, ConnectionResetError):
        return  # closed while we were still sending: refused as well
    assert (status, answer["error"]["code"]) == (413, "request_too_large")


def test_the_log_holds_no_text_of_the_person(server: Running) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler = Keep()
    log = logging.getLogger("serving")
    log.addHandler(handler)
    before = log.level
    log.setLevel(logging.INFO)
    try:
        server.client.chat.completions.create(model=server.name, messages=ask("비밀 secret-words"), max_tokens=2)
        raw(server, "GET", "/v1/%0Aforged%20line")
        limit = time.monotonic() + 10  # a line is written after its answer has left
        while len(lines) < 2 and time.monotonic() < limit:
            time.sleep(0.02)
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
    assert any("POST /v1/chat/completions 200" in line and "out=2" in line for line in lines)
    assert any("/v1/%0Aforged%20line 404" in line for line in lines)
    assert not any("secret" in line or "\n" in line for line in lines)


@pytest.fixture
def loading(taught: Taught) -> Iterator[TestClient]:
    """The app of a server whose model is still loading."""
    settings = ServeSettings.check({"model": str(taught.gguf)})
    pool = Pool([ServedModel(taught.gguf, "tiny")], settings)
    assert pool.first.state == "loading"  # made, and never started
    yield TestClient(create_app(settings, pool), base_url="http://localhost")


def test_while_the_model_loads(loading: TestClient) -> None:
    health = loading.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "loading")
    assert health.json()["model"] == "tiny"
    answer = loading.post("/v1/chat/completions", json={"model": "tiny", "messages": ask("x")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    assert answer.headers["retry-after"]


def test_the_description_of_the_server_needs_no_network(loading: TestClient) -> None:
    assert loading.get("/docs").status_code == 404
    paths = loading.get("/openapi.json").json()["paths"]
    assert "/v1/chat/completions" in paths
