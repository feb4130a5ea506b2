"""One model of the Hub before it is downloaded: its size, shape and terms, and whether this machine can train it.

Reads the Hub's answer and the model's small `config.json`; nothing is kept on the disk.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.models.catalogued import fits
from mactuner_core.models.check import context_length, needs_own_code
from mactuner_core.models.hub import ANSWER_S, api, check_repo_id, hub_errors_are_clear, reach_hub, token_or_none
from mactuner_core.models.hub_search import KOREAN, architecture_of, license_of

WANTED = (
    "config.json",
    "generation_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.*",
)
CODE = (".py", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
CONFIG_LIMIT_BYTES = 1_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True)
class HubFile:
    """One file of a model on the Hub; `sha256` is None for the small ones that git keeps itself."""

    name: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class HubDetails:
    """One model as it is at `commit`. `bytes` is what would be fetched; what the Hub does not tell is None.

    `gated` is False, or who lets people in: "auto" (at once) or "manual" (the owner). `asked_for` is the name that was
    asked for when the model has been renamed.
    """

    id: str
    asked_for: str | None
    commit: str
    parameters: int | None
    bytes: int
    files: list[str]
    architecture: str | None
    context_length: int | None
    license: str | None
    license_name: str | None
    gated: str | bool
    korean: bool
    needs_own_code: bool
    has_safetensors: bool
    fits: dict[str, dict[str, Any]] | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def hub_details(repo_id: str, token: str | None = None) -> HubDetails:
    """Return what is known of a model; raises InputError for one that is not there, WorkError when the Hub fails."""
    check_repo_id(repo_id)
    with hub_errors_are_clear(repo_id, token):
        reach_hub()
        info = api(token).model_info(repo_id, files_metadata=True, timeout=ANSWER_S)
        files = files_to_fetch(info)
        config = _config(info, files, token)
    tags = info.tags or []
    weights = sum(file.bytes for file in files if file.name.endswith(".safetensors"))
    parameters = _parameters(info, config, weights)
    card = info.card_data or {}
    return HubDetails(
        id=info.id,
        asked_for=repo_id if info.id != repo_id else None,
        commit=str(info.sha),
        parameters=parameters,
        bytes=sum(file.bytes for file in files),
        files=[file.name for file in files],
        architecture=architecture_of(config) or architecture_of(info.config),
        context_length=context_length(config),
        license=license_of(tags),
        license_name=card.get("license_name"),
        gated=info.gated or False,
        korean=KOREAN in tags,
        needs_own_code=needs_own_code(config or info.config or {}),
        has_safetensors=weights > 0,
        fits=fits(parameters) if parameters else None,
    )


def files_to_fetch(info: Any) -> list[HubFile]:
    """Return configuration, tokenizer and safetensors of a model, small ones first: what can be wrong early is small."""
    wanted = [
        HubFile(file.rfilename, int(file.size or 0), _checksum(file.lfs))
        for file in info.siblings or []
        if is_wanted(file.rfilename)
    ]
    return sorted(wanted, key=lambda file: (file.name != "config.json", file.bytes))


def is_wanted(name: str) -> bool:
    """Tell whether a file is configuration, tokenizer or safetensors, at the top of its folder; never code or pickle."""
    plain = "/" not in name and not name.lower().endswith(CODE)
    return plain and any(fnmatch(name, pattern) for pattern in WANTED)


def check_safetensors(repo_id: str, info: Any, files: list[HubFile]) -> None:
    """Raise InputError when a model does not offer its weights as safetensors."""
    if not any(file.name.endswith(".safetensors") for file in files):
        names = ", ".join(file.rfilename for file in info.siblings or []) or "–"
        raise InputError("models.hub_no_safetensors", repo=repo_id, files=names[:200])


def _checksum(lfs: Any) -> str | None:
    """Return the SHA-256 of a large file; it becomes part of a path, so it is looked at."""
    return lfs.sha256 if lfs and _SHA256.fullmatch(lfs.sha256) else None


def _config(info: Any, files: list[HubFile], token: str | None) -> dict[str, Any]:
    """Return the model's whole configuration, or nothing when it is behind a gate or too large to be one."""
    from huggingface_hub import errors, get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    file = next((file for file in files if file.name == "config.json"), None)
    if file is None or file.bytes > CONFIG_LIMIT_BYTES:
        return {}
    url = hf_hub_url(info.id, file.name, revision=info.sha)
    answer = get_session().get(url, headers=build_hf_headers(token=token_or_none(token)), timeout=ANSWER_S)
    try:
        hf_raise_for_status(answer)
        found = json.loads(answer.content)
    except (errors.GatedRepoError, errors.RepositoryNotFoundError, UnicodeDecodeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _parameters(info: Any, config: dict[str, Any], weights: int) -> int | None:
    """Return the number of parameters: what the Hub counted, else what the bytes of the weights tell."""
    if info.safetensors and info.safetensors.total:
        return int(info.safetensors.total)
    size = DTYPE_BYTES.get(str(config.get("dtype") or config.get("torch_dtype")))
    return weights // size if size and weights else None
