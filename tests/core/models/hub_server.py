"""A small stand-in for the Hub's HTTP API, for the real huggingface_hub client: search, one model, and its refusals."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

SHA = "a" * 40
REFUSALS = {
    "some/missing": (404, "RepoNotFound"),
    "some/private": (401, "RepoNotFound"),
    "some/gated": (403, "GatedRepo"),
    "some/forbidden": (403, ""),
    "some/broken": (500, ""),
}
LISTED: dict[str, Any] = {
    "id": "tiny/model", "modelId": "tiny/model", "downloads": 12, "likes": 3, "gated": False,
    "tags": ["license:apache-2.0"], "lastModified": "2026-01-02T03:04:05.000Z",
    "safetensors": {"parameters": {"F32": 99}, "total": 99},
}  # fmt: skip


class HubServer(ThreadingHTTPServer):
    """Serves the model `tiny/model` from `folder`; `asked` keeps (path, authorization) of each request."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Answers as far as the tests ask."""

    server: HubServer

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlparse(self.path)
        self.server.asked.append((url.path, self.headers.get("Authorization")))
        for repo, (status, code) in REFUSALS.items():
            if url.path.startswith((f"/api/models/{repo}", f"/{repo}/")):
                self._send(status, {"error": code}, {"X-Error-Code": code} if code else {})
                return
        if url.path == "/api/models":
            wanted = parse_qs(url.query).get("search", [""])[0]
            self._send(200, [LISTED] if wanted in LISTED["id"] else [])
        elif url.path.startswith("/api/models/"):
            names = ["pytorch_model.bin"] if "pickle" in url.path else [f.name for f in self.server.folder.iterdir()]
            sizes = [(n, self._size(n)) for n in [*names, "evil.py"]]
            siblings = [{"rfilename": name, "size": size} for name, size in sizes]
            self._send(200, LISTED | {"id": url.path.removeprefix("/api/models/"), "sha": SHA, "siblings": siblings})
        elif f"/resolve/{SHA}/" in url.path:
            data = (self.server.folder / url.path.rsplit("/", 1)[1]).read_bytes()
            self._send(200, data, {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": SHA})
        else:
            self._send(404, {"error": "?"})

    def _size(self, name: str) -> int:
        file = self.server.folder / name
        return file.stat().st_size if file.is_file() else 10

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def hub_server(folder: Path) -> Iterator[HubServer]:
    """Run the stand-in for as long as the block lasts."""
    server = HubServer(folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
