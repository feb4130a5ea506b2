"""Who `me` is: a speaker by name, or by the mark that stands for the name in a recipe whose rows were masked.

A mark such as `speaker:0000-3fa` holds twelve bits of a hash. Within one chat, and a later export of it, they tell the
speakers apart; as thousands of names share them, nobody reads the name out of a recipe. A guess among few names they do
confirm, once in 4,096 times wrongly: a mark hides a name, it is no encryption.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Collection
from unicodedata import normalize

_MARK = re.compile(r"speaker:([0-9a-f]{4,})-([0-9a-f]{3})")


def speaker_mark(name: str, speakers: Collection[str]) -> str:
    """Return the mark of `name`, which no other one of `speakers` has."""
    for number in itertools.count():
        salt = f"{number:04x}"
        check = _check(salt, name)
        if all(_check(salt, other) != check for other in speakers if other != name):
            return f"speaker:{salt}-{check}"
    raise AssertionError("unreachable")


def named_speaker(me: str, speakers: Collection[str]) -> str | None:
    """Return which of `speakers` is meant by a name or a mark; None when nobody is, or several may be."""
    me = normalize("NFC", me)
    if me in speakers:
        return me
    mark = _MARK.fullmatch(me)
    found = [name for name in speakers if _check(mark[1], name) == mark[2]] if mark else []
    return found[0] if len(found) == 1 else None


def _check(salt: str, name: str) -> str:
    return hashlib.sha256(f"{salt} {normalize('NFC', name)}".encode()).hexdigest()[:3]
