"""Which web pages may call the server."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serving.conftest import Running
from tests.serving.test_errors import raw

PAGE = "https://chat.example"
KEY = {"Authorization": "Bearer first-key"}


@pytest.fixture(scope="module")
def shared(start: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server with a key that one page may call."""
    file = tmp_path_factory.mktemp("keys") / "keys.txt"
    file.write_text("first-key\n")
    return start(api_key="first-key", api_key_file=str(file), cors_origin=[PAGE, "http://localhost:3000"])


def preflight(server: Running, origin: str, method: str = "POST") -> tuple[int, dict[str, str]]:
    """Ask as a browser does before it sends the request itself: without a key."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
        "Access-Control-Request-Private-Network": "true",
    }
    connection.request("OPTIONS", "/v1/chat/completions", headers=asked)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000"])
def test_a_listed_page_may(shared: Running, origin: str) -> None:
    status, headers = preflight(shared, origin)
    assert status == 200
    assert headers["access-control-allow-origin"] == origin
    assert "authorization" in headers["access-control-allow-headers"]
    assert "x-stainless-os" in headers["access-control-allow-headers"]
    status, headers, _ = raw(shared, "GET", "/v1/models", headers={"Origin": origin, **KEY})
    assert (status, headers["access-control-allow-origin"]) == (200, origin)
    assert "retry-after" in headers["access-control-expose-headers"].lower()
    assert "access-control-allow-credentials" not in headers


def test_a_listed_page_can_read_that_its_key_is_wrong(shared: Running) -> None:
    status, headers, body = raw(shared, "POST", "/v1/chat/completions", b"{}", {"Origin": PAGE})
    assert (status, headers["access-control-allow-origin"]) == (401, PAGE)
    assert body["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    "origin",
    ["https://chat.example.evil", "http://chat.example", "https://chat.example:444", "https://x.chat.example", "null"],
)
def test_no_other_page_may(shared: Running, origin: str) -> None:
    status, headers = preflight(shared, origin)
    assert status == 400
    assert "access-control-allow-origin" not in headers
    _, headers, _ = raw(shared, "GET", "/v1/models", headers={"Origin": origin, **KEY})
    assert "access-control-allow-origin" not in headers


def test_only_what_the_server_has_may_be_called(shared: Running) -> None:
    assert preflight(shared, PAGE, "DELETE")[0] == 400


def test_a_foreign_host_is_refused_from_a_listed_page_too(shared: Running) -> None:
    status, _, body = raw(shared, "GET", "/v1/models", headers={"Origin": PAGE, "Host": "evil.example", **KEY})
    assert (status, body["error"]["code"]) == (403, "host_not_allowed")


def test_all_pages_with_a_key(start: Callable[..., Running], tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text("first-key\n")
    server = start(api_key_file=str(file), cors_origin="*")
    status, headers, _ = raw(server, "GET", "/v1/models", headers={"Origin": "https://any.example", **KEY})
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
