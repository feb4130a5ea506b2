"""Small base models that are good at Korean, with the reason and the licence of each: the list in `recommended.yaml`.

What the list says is not asked of the Hub; whether it is still so shows the model's page.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict

FILE = Path(__file__).with_name("recommended.yaml")


class Recommended(BaseModel):
    """One model: `why` by language, `license` as the Hub or the owner names it; see the head of the file for the rest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    parameters: int
    context_length: int | None = None
    license: str
    commercial: Literal["yes", "no", "conditions"]
    gated: bool
    own_code: bool
    chat: bool
    gguf: bool
    architecture: str
    why: dict[str, str]


@functools.cache
def recommended() -> tuple[Recommended, ...]:
    """Return the list in its order: the ones to begin with come first."""
    import yaml

    entries = cast(list[dict[str, Any]], yaml.safe_load(FILE.read_text(encoding="utf-8")))
    return tuple(Recommended.model_validate(entry) for entry in entries)
