"""The workspace's file of API keys: a line a key, NAME and the key's hash. A key itself is shown once and kept nowhere.

Behind the key may stand which collections of documents it may ask: `collection=NAME` for each, `collection=-` for none; without
such a word it may ask all that are served. The server reads such a file (`serving/keys.py` says what else may stand in it).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.errors import InputError, WorkError
from mactuner_core.workspace import Workspace

HASH = "sha256:"
NAME = re.compile(r"[\w.-]{1,40}")
COLLECTION = "collection="
NO_COLLECTION = "-"
_SHORTEST_TO_HASH = 20  # signs; below that a hash could be turned back by trying
_SHOWN_DIGITS = 8


@dataclass(frozen=True)
class KeyLine:
    """One key of the file: whose it is, and the beginning of its hash, to tell two of one name apart."""

    name: str
    mark: str


def key_file(workspace: Workspace) -> Path:
    """Return where the workspace keeps the hashes of its API keys."""
    return workspace.root / "api_keys.txt"


def new_key() -> str:
    """Return a new key of 256 random bits."""
    return "mt-" + secrets.token_urlsafe(32)


def hash_line(key: str) -> str:
    """Return what stands for `key` in a key file; raises InputError when it is too short or holds a space."""
    key = key.strip()
    if len(key) < _SHORTEST_TO_HASH or len(key.split()) != 1:
        raise InputError("serving_operations.key_not_hashable", length=len(key), least=_SHORTEST_TO_HASH)
    return HASH + hashlib.sha256(key.encode("utf-8")).hexdigest()


def keys_in(path: Path) -> list[KeyLine]:
    """Return the keys of a file in their order; none when there is no file."""
    return [_key_line(place, line) for place, line in enumerate(filter(_is_key, _lines(path)), start=1)]


def add_key(path: Path, name: str) -> str:
    """Make a key for `name`, add its hash to the file (which only its owner may read) and return the key.

    Raises InputError for a name that is not 1 to 40 letters, digits, dots, dashes and underlines, WorkError when the file
    cannot be written.
    """
    name = name.strip()
    if not NAME.fullmatch(name):
        raise InputError("key_file.bad_name", name=name)
    key = new_key()
    _write(path, [*_lines(path), f"{name} {hash_line(key)}"])
    return key


def remove_key(path: Path, key: KeyLine) -> None:
    """Take a key out of the file; the file goes with the last line."""
    found = list(zip(keys_in(path), filter(_is_key, _lines(path)), strict=True))
    gone = {line for known, line in found if known == key}
    if rest := [line for line in _lines(path) if line not in gone]:
        _write(path, rest)
    else:
        path.unlink(missing_ok=True)


def split_line(line: str) -> tuple[list[str], frozenset[str] | None]:
    """Return the words of a line, NAME KEY or KEY, and the collections that the key may ask; None: all."""
    words = line.split()
    named = [word.removeprefix(COLLECTION) for word in words[1:] if word.startswith(COLLECTION)]
    left = [word for place, word in enumerate(words) if not place or not word.startswith(COLLECTION)]
    return left, frozenset(named) - {NO_COLLECTION} if named else None


def _key_line(place: int, line: str) -> KeyLine:
    *name, written = split_line(line)[0]
    digits = written if written.startswith(HASH) else HASH + hashlib.sha256(written.encode("utf-8")).hexdigest()
    return KeyLine(" ".join(name) or f"key-{place}", digits.removeprefix(HASH)[:_SHOWN_DIGITS])


def _is_key(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError("serving.no_key_file", path=path, reason=problem) from problem


def _write(path: Path, lines: list[str]) -> None:
    """Put the lines into the file, whole or not at all; nobody else can read it at any moment."""
    new = path.with_name(f".new-{secrets.token_hex(4)}-{path.name}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        new.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise WorkError("key_file.cannot_write", path=path, reason=problem.strerror or problem) from problem
