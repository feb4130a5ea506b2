"""Kept prefixes on disk, so that a server that starts again does not read the same system prompt and documents again.

One file of llama.cpp's own form for each prefix, and beside it a JSON file that is written last: the tokens, the adapter and
the SHA-256 of the first. A pair that is not whole is ignored. The files hold what people wrote, as numbers: they are readable
by their owner alone. One folder for each model file, told apart by name, size and time of change.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import llama_cpp
import numpy as np

from serving.engine.context import Context
from serving.engine.generation import Tokens
from serving.engine.prefix_cache import PrefixCache
from serving.models import ServedModel

SHORTEST = 64  # tokens worth a file
log = logging.getLogger("serving")


@dataclass(frozen=True)
class Stored:
    """A prefix on disk."""

    file: Path
    tokens: Tokens
    adapter: str | None


class PrefixStore:
    """The folder of one model's prefixes, at most `limit_bytes` large."""

    def __init__(self, folder: Path, served: ServedModel, limit_bytes: int) -> None:
        facts = [str(served.path.resolve()), llama_cpp.__version__]
        for path in (served.path, *(path for _, path in served.adapters)):
            facts += [path.name, str(path.stat().st_size), str(path.stat().st_mtime_ns)]
        self._folder = folder / hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
        self._limit_bytes = limit_bytes

    def load(self) -> list[Stored]:
        """Return the whole prefixes, the newest first."""
        found = []
        for about in sorted(self._folder.glob("*.json"), key=_age):
            try:
                data = json.loads(about.read_text(encoding="utf-8"))
                file = about.with_suffix(".kv")
                if _sha256(file) == data["sha256"]:
                    found.append(Stored(file, np.array(data["tokens"], dtype=np.int32), data["adapter"]))
            except (OSError, ValueError, KeyError, TypeError):
                log.warning("ignored a damaged prefix on disk: %s", about.name)
        return found

    def save(self, context: Context, cache: PrefixCache) -> None:
        """Write what the cache keeps, the most useful within the limit; what cannot be written is left out."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for entry in cache.entries():
                if len(entry.tokens) >= SHORTEST:
                    self._write(context, entry.id, entry.tokens, entry.adapter)
            self._trim()
        except OSError as problem:
            log.warning("the prefix cache could not be saved: %s", problem.strerror)

    def _write(self, context: Context, sequence: int, tokens: Tokens, adapter: str | None) -> None:
        name = hashlib.sha256(tokens.tobytes() + (adapter or "").encode()).hexdigest()[:32]
        file, about = self._folder / f"{name}.kv", self._folder / f"{name}.json"
        if about.exists():
            os.utime(about)
            return
        part = self._folder / f"{name}.part"
        if not context.save(sequence, part, tokens):
            part.unlink(missing_ok=True)
            return
        part.chmod(0o600)
        part.replace(file)
        data = {"tokens": tokens.tolist(), "adapter": adapter, "sha256": _sha256(file)}
        part.write_text(json.dumps(data), encoding="utf-8")
        part.chmod(0o600)
        part.replace(about)

    def _trim(self) -> None:
        """Delete the oldest until the folder is within its limit."""
        used = 0
        for about in sorted(self._folder.glob("*.json"), key=_age):
            file = about.with_suffix(".kv")
            used += file.stat().st_size + about.stat().st_size
            if used > self._limit_bytes:
                about.unlink()
                file.unlink(missing_ok=True)


def _age(path: Path) -> float:
    return -path.stat().st_mtime


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
