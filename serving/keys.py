"""API keys: where they come from, how they are kept, and whose a request is.

A line of the key file, or a part of MACTUNER_SERVE_API_KEYS, is KEY or NAME KEY, with a space between them, so that a
key may hold any other sign. Behind the key may stand `collection=NAME` for each collection of documents that it may ask, or
`collection=-` for none; without such a word it may ask all. In the place of the key may stand `sha256:` and the 64 hexadecimal digits of its SHA-256.
Two keys of one name are one user: the old and the new key while it is changed, with one allowance for both.

A fast hash without salt is right for these keys, and only for these: `new_key` makes 256 random bits, which nobody can
try out, so the slowness that protects passwords would only slow down every request. `hash_line` refuses short ones.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.errors import InputError
from mactuner_core.server.key_file import NAME, hash_line, new_key, split_line
from serving.logs import Notice
from serving.settings import KEYS_VARIABLE, ServeSettings, is_loopback

__all__ = ["NOBODY", "Key", "Keys", "hash_line", "load_keys", "new_key"]
NOBODY = "-"  # the name under which requests without keys are counted
_HASHED = re.compile(r"sha256:([0-9a-fA-F]{64})")


@dataclass(frozen=True)
class Key:
    """One key: whose it is, the SHA-256 of it (the key itself is not kept), and the collections it may ask; None: all."""

    name: str
    digest: bytes
    collections: frozenset[str] | None = None


class Keys:
    """The keys of a server; none means that everybody on this machine may ask."""

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def find(self, given: bytes) -> Key | None:
        """Return the key `given`; None when there is no such key. Takes the same time for each."""
        digest = hashlib.sha256(given).digest()
        matches = [key for key in self._keys if hmac.compare_digest(digest, key.digest)]
        return matches[0] if matches else None


def load_keys(settings: ServeSettings, environment: Mapping[str, str] | None = None) -> tuple[Keys, list[Notice]]:
    """Return the keys of the settings' file and of the environment, and what is unwise about the file.

    Raises InputError for a file that cannot be used, and when others could reach a server without keys.
    """
    variable = (os.environ if environment is None else environment).get(KEYS_VARIABLE, "")
    keys = _parse(re.split(r"[,\n]", variable), KEYS_VARIABLE)
    notices = []
    if settings.api_key_file:
        path = Path(settings.api_key_file).expanduser()
        lines = _read(path)
        of_file = _parse(lines, str(path), first=len(keys) + 1)
        if not of_file:
            raise InputError("serving.empty_key_file", path=path)
        keys += of_file
        if _others_can_read(path) and any(not _HASHED.fullmatch(split_line(line)[0][-1]) for line in lines):
            notices.append(Notice("serving_operations.warn_readable_keys", {"path": path}))
    if not keys and not is_loopback(settings.host):
        raise InputError("serving.open_without_key", name="host", value=settings.host)
    return Keys(keys), notices


def _read(path: Path) -> list[str]:
    """Return the lines of a key file without blank ones and `#` comments."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError("serving.no_key_file", path=path, reason=problem) from problem
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _parse(lines: Iterable[str], source: str, first: int = 1) -> list[Key]:
    """Return the keys; one without a name is called by its number. Errors say the number only: a line may hold a key."""
    keys: list[Key] = []
    for line, collections in map(split_line, filter(str.strip, lines)):
        number = first + len(keys)
        name, written = line if len(line) == 2 else (f"key-{number}", line[0])
        if len(line) > 2 or not NAME.fullmatch(name):
            raise InputError("serving_operations.bad_key_line", number=len(keys) + 1, source=source)
        hashed = _HASHED.fullmatch(written)
        digest = bytes.fromhex(hashed[1]) if hashed else hashlib.sha256(written.encode("utf-8")).digest()
        keys.append(Key(name, digest, collections))
    return keys


def _others_can_read(path: Path) -> bool:
    return sys.platform != "win32" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
