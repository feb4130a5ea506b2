"""Regular expressions of the person's own, made safe: one that would run for ever is stopped and named.

The time limit is processor time, so a busy machine does not turn a good expression into a slow one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mactuner_core.errors import InputError

LIMIT_S = 1.0
MAXIMUM_PATTERN_CHARACTERS = 2000


def pattern_problem(pattern: str) -> str | None:
    """Return why `pattern` is no usable regular expression, or None when it is one."""
    import regex  # type: ignore[import-untyped]

    if len(pattern) > MAXIMUM_PATTERN_CHARACTERS:
        return f"> {MAXIMUM_PATTERN_CHARACTERS}"
    try:
        _compiled(pattern, False)
    except (regex.error, RecursionError, MemoryError, OverflowError) as problem:
        return str(problem)
    return None


def find(pattern: str, content: str, *, ignore_case: bool = False) -> str | None:
    """Return the first part of `content` that `pattern` matches, or None; raises InputError when it takes too long."""
    try:
        found = _compiled(pattern, ignore_case).search(content, timeout=LIMIT_S)
    except (TimeoutError, MemoryError) as problem:
        raise InputError("rules.pattern_too_slow", pattern=pattern, characters=len(content)) from problem
    return found and str(found.group())


@lru_cache(maxsize=500)
def _compiled(pattern: str, ignore_case: bool) -> Any:
    import regex

    return regex.compile(pattern, flags=regex.MULTILINE | (regex.IGNORECASE if ignore_case else 0))
