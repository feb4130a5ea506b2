"""A small OpenAI-compatible server whose answers a test writes down: replies, errors, silence, a cut line."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Asked = dict[str, Any]


@dataclass
class Answer:
    """What one request gets: `text` in a chat completion, or `body` as it is; `cut` sends half and hangs up."""

    text: str = ""
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False
    finish_reason: str = "stop"
    usage: dict[str, Any] | None = field(default_factory=lambda: {"prompt_tokens": 100, "completion_tokens": 50})


Script = Callable[[int, Asked], Answer]


def row(number: int, answer: str = "") -> dict[str, Any]:
    """Return a valid row unlike those with other numbers."""
    said = "".join(chr(0xAC00 + (number * 7919 + place * 104729) % 11172) for place in range(60))
    turns = [("user", f"{said[:20]}?"), ("assistant", answer or said[20:])]
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def rows_asked(asked: Asked) -> int:
    """Return the {count} of a prompt made with the template `PROMPT` of the tests."""
    return int(asked["messages"][0]["content"].rpartition("COUNT=")[2].split()[0])


def fresh_rows() -> Script:
    """Return a script that always gives as many new valid rows as asked for."""
    numbers = itertools.count()
    return lambda _, asked: Answer(json.dumps([row(next(numbers)) for _ in range(rows_asked(asked))]))


class ScriptedServer(ThreadingHTTPServer):
    """Answers with `script(number from 0, request)`; `asked` keeps the requests, `keys` the keys, `times` when they came."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.asked: list[Asked] = []
        self.keys: list[str] = []
        self.times: list[float] = []
        self.tokens = 0
        self.running = self.most_running = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address up to /v1."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: Any) -> None:
        """Say nothing when a client left."""


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            number = len(server.asked)
            server.asked.append(asked)
            server.keys.append(self.headers.get("Authorization", "").removeprefix("Bearer "))
            server.times.append(time.monotonic())
            server.running += 1
            server.most_running = max(server.most_running, server.running)
            answer = server.script(number, asked)
        time.sleep(answer.delay_s)
        with server.lock:
            server.running -= 1
            if answer.usage and answer.status == 200:
                server.tokens += sum(answer.usage.values())
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        body = answer.body if answer.body is not None else json.dumps(_completion(answer)).encode()
        self.send_response(answer.status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if answer.cut else body)
        self.close_connection = answer.cut

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _completion(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        return {"error": {"message": answer.text, "type": "error", "code": None}}
    message = {"role": "assistant", "content": answer.text}
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "scripted", "choices": [choice]}
    return whole | ({"usage": answer.usage} if answer.usage else {})


@contextlib.contextmanager
def scripted_server(script: Script) -> Iterator[ScriptedServer]:
    """Run a server with this script as long as the block lasts."""
    server = ScriptedServer(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
