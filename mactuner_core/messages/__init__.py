"""The one catalogue of every text a person reads, Korean and English side by side in `<area>.yaml`.

`text("data.empty_file", path=…)` gives the entry `empty_file` of `data.yaml` in the wanted language with its values
filled in. A missing language or an unknown key is a programming error and fails a test.
"""

from __future__ import annotations

import functools
import locale
import os
from pathlib import Path
from typing import cast

LANGUAGES = ("ko", "en")


@functools.cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every entry as `{"area.name": {"ko": …, "en": …}}`."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries: dict[str, dict[str, str]] = {}
    for file in sorted(Path(__file__).parent.glob("*.yaml")):
        area = yaml.load(file.read_text(encoding="utf-8"), Loader=loader) or {}  # noqa: S506 (a safe loader, in C)
        entries.update({f"{file.stem}.{name}": cast(dict[str, str], entry) for name, entry in area.items()})
    return entries


def current_language() -> str:
    """Return "ko" or "en": MACTUNER_LANG, else the locale of the shell, else English."""
    wanted = (
        os.environ.get("MACTUNER_LANG")
        or os.environ.get("LC_ALL")
        or os.environ.get("LANG")
        or locale.getlocale()[0]
        or ""
    )
    return "ko" if wanted.lower().startswith("ko") else "en"


def text(key: str, language: str | None = None, **values: object) -> str:
    """Return the text of `key` in `language` (default: the current one) with `values` filled in.

    Raises KeyError when the catalogue has no such key or the values do not fill the sentence.
    """
    return catalogue()[key][language or current_language()].format(**values)
