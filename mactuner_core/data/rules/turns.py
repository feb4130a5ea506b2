"""The order of roles in a conversation, written as `system? (user assistant)+`.

Words are roles, `( )` groups, `|` is "or", and `?`, `*`, `+` after a word or group mean "at most once", "any number of
times", "at least once".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mactuner_core.data.rules.patterns import find, pattern_problem

LETTERS = {"system": "s", "user": "u", "assistant": "a", "tool": "t", "text": "x"}
UNKNOWN = "?"
_PART = re.compile(r"\s+|(?P<word>\w+)|(?P<sign>[()|?*+])|(?P<wrong>.)", re.DOTALL)


def turns_problem(turns: str) -> str | None:
    """Return what is wrong with `turns`, or None."""
    for part in _PART.finditer(turns):
        if part["wrong"] or (part["word"] and part["word"] not in LETTERS):
            return f"“{part[0]}”: {', '.join(LETTERS)}, ( ) | ? * +"
    if twice := re.search(r"[?*+]\s*[?*+]", turns):
        return f"“{twice[0]}”"
    return pattern_problem(_pattern(turns))


def turns_fit(turns: str, roles: Sequence[str]) -> bool:
    """Tell whether a conversation with these roles, in order, is one that `turns` describes."""
    letters = "".join(LETTERS.get(role, UNKNOWN) for role in roles)
    return find(_pattern(turns), letters) is not None


def _pattern(turns: str) -> str:
    parts = (LETTERS.get(part["word"] or "", part["sign"] or "") for part in _PART.finditer(turns))
    return rf"\A(?:{''.join(parts)})\Z"
