"""The end of a server: running answers finish, new ones are told to come again, a second signal cuts."""

from __future__ import annotations

import http.client
import json
import signal
import sys
import time
from urllib.parse import urlsplit

import openai
import pytest

from tests.serving.conftest import PAIRS, Taught, ask
from tests.serving.test_process import program, wait_for_url

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")


def ask_at(
    url: str, method: str, path: str, body: bytes | None = None
) -> tuple[int, dict[str, str], dict[str, object]]:
    """Send one request on a new connection."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        data = json.loads(response.read())
        return response.status, {name.lower(): value for name, value in response.getheaders()}, data
    finally:
        connection.close()


@pytest.mark.parametrize("asked_by", [signal.SIGTERM, signal.SIGINT])
def test_while_it_stops_answers_finish_and_new_requests_get_503(taught: Taught, asked_by: int) -> None:
    with program("--model", str(taught.gguf), "--port", "0", "--n-threads", "1") as process:
        url = wait_for_url(process)
        place = urlsplit(url)
        held = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
        body = json.dumps({"model": "taught-F16", "messages": ask("Say hello"), "temperature": 0}).encode()
        held.putrequest("POST", "/v1/chat/completions")
        held.putheader("Content-Type", "application/json")
        held.putheader("Content-Length", str(len(body)))
        held.endheaders(body[:10])  # inside, and not yet asked
        limit = time.monotonic() + 30
        process.send_signal(asked_by)
        while (found := ask_at(url, "GET", "/health"))[0] == 200 and time.monotonic() < limit:
            time.sleep(0.02)
        assert (found[0], found[2]["status"]) == (503, "stopping")
        status, headers, data = ask_at(url, "POST", "/v1/chat/completions", body)
        assert status == 503
        assert int(headers["retry-after"]) > 0
        assert headers["connection"] == "close"
        assert data["error"]["code"] == "not_ready"  # type: ignore[index]
        held.send(body[10:])
        answer = held.getresponse()
        assert answer.status == 200
        assert json.loads(answer.read())["choices"][0]["message"]["content"] == PAIRS["Say hello"]
        held.close()
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert "Server stopped." in said
        assert "Traceback" not in said


def test_a_second_signal_cuts(taught: Taught) -> None:
    with program("--model", str(taught.gguf), "--port", "0", "--shutdown-s", "3600") as process:
        url = wait_for_url(process)
        place = urlsplit(url)
        held = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
        held.putrequest("POST", "/v1/chat/completions")
        held.putheader("Content-Type", "application/json")
        held.putheader("Content-Length", "100")
        held.endheaders(b"{")
        process.send_signal(signal.SIGTERM)
        limit = time.monotonic() + 30
        while ask_at(url, "GET", "/health")[0] == 200 and time.monotonic() < limit:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        held.close()
        assert process.returncode == 0
        assert "Traceback" not in said


def test_the_log_in_json_and_the_time_until_ready(taught: Taught) -> None:
    arguments = ("--model", str(taught.gguf), "--port", "0", "--log-format", "json")
    with program(*arguments, MACTUNER_SERVE_API_KEYS="ann a-key-for-ann") as process:
        assert process.stderr is not None
        line = ""
        while "Ready" not in line:
            line = process.stderr.readline()
            assert line
        assert "ready in " in line and " s)" in line
        url = line.split()[1]
        with openai.OpenAI(base_url=url, api_key="a-key-for-ann", max_retries=0, timeout=60) as client:
            client.chat.completions.create(model="taught-F16", messages=ask("Say hello"), max_tokens=2)
        process.terminate()
        _, said = process.communicate(timeout=60)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (answered,) = [line for line in lines if line.get("path") == "/v1/chat/completions"]
    assert (answered["key"], answered["status"], answered["completion_tokens"]) == ("ann", 200, 2)
    assert "a-key-for-ann" not in said
