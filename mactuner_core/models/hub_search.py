"""Searching the Hub for text models: by words, size, licence and language. Downloads nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.models.catalogued import fits
from mactuner_core.models.hub import api, hub_errors_are_clear, reach_hub

EXPAND = ["downloads", "likes", "safetensors", "gated", "tags", "lastModified", "config"]
KOREAN = "ko"
BITS = {"F64": 64, "I64": 64, "F32": 32, "I32": 32, "F16": 16, "BF16": 16, "I16": 16}  # every other type: 8
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([KMB]?)", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}


@dataclass(frozen=True)
class HubModel:
    """What the Hub's list says of a model; what it does not say is None. `bytes` counts the weights alone."""

    id: str
    downloads: int | None
    likes: int | None
    parameters: int | None
    bytes: int | None
    architecture: str | None
    gated: bool
    license: str | None
    korean: bool
    updated: str | None
    fits: dict[str, dict[str, Any]] | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def search(
    query: str,
    *,
    korean: bool = False,
    license: str | None = None,
    maximum_parameters: int | None = None,
    limit: int = 20,
    token: str | None = None,
) -> list[HubModel]:
    """Return text models that match `query` and every filter, the most downloaded first.

    A model of unknown size is left out when `maximum_parameters` is given. Raises WorkError when the Hub cannot be asked.
    """
    wanted = ["text-generation", "safetensors", *([KOREAN] if korean else [])]
    if license:
        wanted.append(f"license:{license}")
    with hub_errors_are_clear(query, token):
        reach_hub()
        found = api(token).list_models(
            search=query or None,
            filter=wanted,
            num_parameters=f"max:{math.ceil(maximum_parameters / 10**6)}M" if maximum_parameters else None,
            sort="downloads",
            limit=limit,
            expand=EXPAND,
        )
        models = [_hub_model(info) for info in found]
    # a mirror may not know these filters
    return [model for model in models if _is_wanted(model, korean, license, maximum_parameters)]


def count_from_text(text: str) -> int:
    """Return the number that "500M", "1.7B" or "3000000" says; raises InputError for anything else, zero included."""
    match = _AMOUNT.fullmatch(text.strip())
    count = round(float(match[1]) * _UNITS[match[2].upper()]) if match else 0
    if not count:
        raise InputError("models.bad_count", value=text)
    return count


def weight_bytes(by_type: Mapping[str, int]) -> int:
    """Return the bytes of weights from the number of parameters of each safetensors type, such as {"BF16": 10}."""
    return sum(count * BITS.get(name, 8) // 8 for name, count in by_type.items())


def license_of(tags: list[str]) -> str | None:
    """Return the licence among the Hub's tags."""
    return next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None)


def architecture_of(config: Mapping[str, Any] | None) -> str | None:
    """Return the first architecture that a model's configuration names."""
    names = (config or {}).get("architectures")
    return str(names[0]) if isinstance(names, list) and names else None


def _is_wanted(model: HubModel, korean: bool, license: str | None, maximum_parameters: int | None) -> bool:
    small = maximum_parameters is None or (model.parameters or maximum_parameters + 1) <= maximum_parameters
    return small and (model.korean or not korean) and license in (None, model.license)


def _hub_model(info: Any) -> HubModel:
    tags = info.tags or []
    weights = info.safetensors
    parameters = int(weights.total) if weights else None
    return HubModel(
        id=info.id,
        downloads=info.downloads,
        likes=info.likes,
        parameters=parameters,
        bytes=weight_bytes(weights.parameters) if weights else None,
        architecture=architecture_of(info.config),
        gated=bool(info.gated),
        license=license_of(tags),
        korean=KOREAN in tags,
        updated=info.last_modified.isoformat() if info.last_modified else None,
        fits=fits(parameters) if parameters else None,
    )
