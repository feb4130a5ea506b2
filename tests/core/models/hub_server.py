"""A small stand-in for the Hub's HTTP API, for the real huggingface_hub client: search, models, ranges, and its faults."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

SHA = "a" * 40
LFS = ("model.safetensors", "tokenizer.json")
WEIGHTS = "model.safetensors"
REFUSALS = {
    "some/missing": (404, "RepoNotFound"),
    "some/private": (401, "RepoNotFound"),
    "some/gated": (403, "GatedRepo"),
    "some/unauthorized": (401, "GatedRepo"),
    "some/forbidden": (403, ""),
    "some/broken": (500, ""),
    "some/busy": (429, ""),
}
RENAMED = {"old/name": "tiny/model"}


def listed(repo: str, parameters: int | None, license: str, korean: bool, downloads: int = 12) -> dict[str, Any]:
    """Return a model as the Hub's list holds it."""
    weights = {"parameters": {"BF16": parameters}, "total": parameters} if parameters else None
    return {
        "id": repo, "modelId": repo, "downloads": downloads, "likes": 3, "gated": repo == "big/gated" and "auto",
        "tags": [f"license:{license}", "safetensors", "text-generation", *(["ko"] if korean else [])],
        "lastModified": "2026-01-02T03:04:05.000Z", "safetensors": weights,
        "config": {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"},
    }  # fmt: skip


LIST = [
    listed("tiny/model", 99, "apache-2.0", korean=True),
    listed("tiny/english", 500, "mit", korean=False),
    listed("tiny/unknown", None, "apache-2.0", korean=True),
    listed("big/gated", 7_000_000_000, "gemma", korean=True),
]


@dataclass
class Faults:
    """What goes wrong with the weights: `cuts` are the bytes after which each next connection breaks."""

    cuts: list[int] = field(default_factory=list)
    always_cut: int | None = None
    stalls: int = 0  # connections that send half and then nothing
    statuses: list[int] = field(default_factory=list)  # answers in place of the file, one a request
    no_ranges: bool = False
    piece_s: float = 0.0  # seconds between pieces
    damaged: bool = False


class HubServer(ThreadingHTTPServer):
    """Serves the files of `folder` as every model; keeps what was asked and the bytes of weights it sent."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.asked: list[tuple[str, str | None]] = []
        self.searched: dict[str, list[str]] = {}
        self.ranges: list[str | None] = []
        self.sent = 0
        self.faults = Faults()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def weights(self) -> int:
        """The size of the weights in bytes."""
        return (self.folder / WEIGHTS).stat().st_size

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that went away."""


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
        for old, new in RENAMED.items():
            if old in url.path:
                self._send(307, b"", {"Location": self.path.replace(old, new)})
                return
        if url.path == "/api/models":
            self.server.searched = parse_qs(url.query)
            self._send(200, self._search(self.server.searched))
        elif url.path.startswith("/api/models/"):
            self._send(200, self._model(url.path.removeprefix("/api/models/")))
        elif f"/resolve/{SHA}/" in url.path:
            self._file(url.path.split("/resolve/")[0].strip("/"), url.path.rsplit("/", 1)[1])
        else:
            self._send(200 if url.path == "/" else 404, {"error": "?"})

    def _search(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        """The size is left to the client, as a mirror might."""
        word, tags = query.get("search", [""])[0], set(query.get("filter", []))
        return [model for model in LIST if word in model["id"] and tags <= set(model["tags"])]

    def _model(self, repo: str) -> dict[str, Any]:
        names = [file.name for file in self.server.folder.iterdir()]
        if "pickle" in repo:
            names.remove(WEIGHTS)
        siblings = [self._sibling(name) for name in [*names, "pytorch_model.bin", "tokenizer.py", "README.md"]]
        known = next((model for model in LIST if model["id"] == repo), LIST[0])
        return known | {"id": repo, "sha": SHA, "siblings": siblings, "cardData": {"license_name": "its-own"}}

    def _sibling(self, name: str) -> dict[str, Any]:
        file = self.server.folder / name
        content = file.read_bytes() if file.is_file() else bytes(10)
        found: dict[str, Any] = {"rfilename": name, "size": len(content)}
        if name in LFS:
            found["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 134}
        return found

    def _file(self, repo: str, name: str) -> None:
        data = (self.server.folder / name).read_bytes()
        if name == "config.json" and "code" in repo:
            data = json.dumps({"model_type": "strange", "auto_map": {"AutoModelForCausalLM": "m.M"}}).encode()
        tag = hashlib.sha256(data).hexdigest()
        headers = {"ETag": f'"{tag}"', "X-Repo-Commit": SHA, "Accept-Ranges": "bytes"}
        if name != WEIGHTS or self.command == "HEAD":
            self._send(200, data, headers)
            return
        self._weights(data, headers)

    def _weights(self, data: bytes, headers: dict[str, str]) -> None:
        faults, wanted = self.server.faults, self.headers.get("Range")
        self.server.ranges.append(wanted)
        if faults.statuses:
            self._send(faults.statuses.pop(0), {"error": "?"})
            return
        if faults.damaged:
            data = bytes(len(data))
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and not faults.no_ranges else 0  # type: ignore[index]
        if start:
            headers = headers | {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        self.send_response(206 if start else 200)
        for name, value in (headers | {"Content-Length": str(len(data) - start)}).items():
            self.send_header(name, value)
        self.end_headers()
        limit = faults.cuts.pop(0) if faults.cuts else faults.always_cut
        stalls = faults.stalls > 0
        faults.stalls -= stalls
        end = len(data) if limit is None else start + limit
        self._pieces(data[start : (len(data) + start) // 2 if stalls else end], faults.piece_s)
        if stalls:
            time.sleep(4)
        self.close_connection = True

    def _pieces(self, data: bytes, piece_s: float) -> None:
        for place in range(0, len(data), 65536):
            piece = data[place : place + 65536]
            self.wfile.write(piece)
            self.wfile.flush()
            self.server.sent += len(piece)
            time.sleep(piece_s)

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
