"""The one Korean analyser of this process (kiwipiepy), loaded when it is first needed.

It may be asked from any thread. Text without Hangul never needs it.
"""

from __future__ import annotations

import functools
import re
import threading
from typing import Any

HANGUL = re.compile(r"[\uac00-\ud7a3]")

_loading = threading.Lock()


def analyser() -> Any:
    """Return the analyser; the first call takes seconds."""
    with _loading:
        return _load()


@functools.cache
def _load() -> Any:
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=-1, model_type="cong")


def has_hangul(text: str) -> bool:
    """Tell whether a text has Korean syllables."""
    return HANGUL.search(text) is not None
