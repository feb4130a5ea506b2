"""Models of the Hugging Face Hub: search, and download as a job into the Hugging Face cache.

Only configuration, tokenizer and safetensors are fetched, never pickle and never code. The token comes from HF_TOKEN in
the environment. The library reads HF_ENDPOINT and HF_HUB_OFFLINE when it is imported.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mactuner_core import jobs
from mactuner_core.catalog import Catalog, open_catalog
from mactuner_core.catalog.tables import Model
from mactuner_core.errors import InputError, WorkError
from mactuner_core.jobs import Job
from mactuner_core.models.catalogued import fresh_id
from mactuner_core.models.check import check_model_folder
from mactuner_core.models.folder import plain_name
from mactuner_core.workspace import Workspace, check_free_space

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
REACH_S = 10
_REPO = re.compile(r"[\w.\-]{1,96}/[\w.\-]{1,96}")


@dataclass(frozen=True)
class HubModel:
    """What the Hub's list says of a model; what it does not say is None."""

    id: str
    downloads: int | None
    likes: int | None
    parameters: int | None
    gated: bool
    license: str | None
    updated: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True)
class HubFile:
    """One file of a model on the Hub; size in bytes."""

    name: str
    bytes: int


def search(query: str, limit: int = 20) -> list[HubModel]:
    """Return text models whose name matches `query`, the most downloaded first; raises WorkError when the Hub fails."""
    expand = ["downloads", "likes", "safetensors", "gated", "tags", "lastModified"]
    with hub_errors_are_clear(query):
        _reach_hub()
        found = _api().list_models(
            search=query, filter=["text-generation", "safetensors"], sort="downloads", limit=limit, expand=expand
        )
        return [_hub_model(info) for info in found]


def start_download(workspace: Workspace, catalog: Catalog, repo_id: str, token: str | None = None) -> str:
    """Start the job that downloads `repo_id` and return its id; the job's result has the model's `id`.

    `token` reaches the job through its environment only. Raises InputError when `repo_id` is not of the form owner/name.
    """
    check_repo_id(repo_id)
    secrets = {"HF_TOKEN": token} if token else None
    return jobs.start(workspace, "hub_download", {"repo_id": repo_id}, title=repo_id, secrets=secrets)


def check_repo_id(repo_id: str) -> str:
    """Return `repo_id`; raises InputError when it is not of the form owner/name."""
    if not _REPO.fullmatch(repo_id) or ".." in repo_id:
        raise InputError("models.hub_bad_id", repo=repo_id)
    return repo_id


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Download the model `spec["repo_id"]`, check it, and return the id of its catalogue row."""
    repo_id = check_repo_id(spec["repo_id"])
    job.progress(0, 0, "models.stage_asking")
    with hub_errors_are_clear(repo_id):
        info = _api().model_info(repo_id, files_metadata=True)
        files = wanted_files(repo_id, info)
        folder = _download(repo_id, str(info.sha), files, job)
    job.progress(0, 0, "models.stage_checking")
    facts = check_model_folder(folder)
    catalog = open_catalog(job.workspace)
    known = next((model for model in catalog.models() if model.path == str(folder)), None)
    if known:
        return {"id": known.id}
    model_id = fresh_id(job.workspace, catalog, plain_name(repo_id.split("/")[1]))
    catalog.add(
        Model(
            id=model_id,
            name=repo_id,
            source="hub",
            path=str(folder),
            architecture=facts.architecture,
            parameters=facts.parameters,
            bytes=facts.bytes,
        )
    )
    return {"id": model_id}


def wanted_files(repo_id: str, info: Any) -> list[HubFile]:
    """Return the files worth fetching; raises InputError when the weights are not offered as safetensors."""
    names = [file.rfilename for file in info.siblings or []]
    wanted = [
        HubFile(file.rfilename, int(file.size or 0))
        for file in info.siblings or []
        if "/" not in file.rfilename and any(fnmatch(file.rfilename, pattern) for pattern in WANTED)
    ]
    if not any(file.name.endswith(".safetensors") for file in wanted):
        raise InputError("models.hub_no_safetensors", repo=repo_id, files=", ".join(names[:6]) or "–")
    return sorted(wanted, key=lambda file: file.bytes)  # what can be wrong early is small


@contextlib.contextmanager
def hub_errors_are_clear(repo_id: str) -> Iterator[None]:
    """Turn what huggingface_hub and the network raise into errors that say what to do."""
    import httpx2  # what huggingface_hub speaks HTTP with
    from huggingface_hub import errors

    try:
        yield
    except errors.OfflineModeIsEnabled as problem:
        raise WorkError("models.hub_offline_mode") from problem
    except errors.GatedRepoError as problem:
        raise InputError("models.hub_gated", repo=repo_id) from problem
    except errors.HfHubHTTPError as problem:
        raise _http_error(repo_id, problem) from problem
    except errors.HFValidationError as problem:
        raise InputError("models.hub_bad_id", repo=repo_id) from problem
    except (errors.LocalEntryNotFoundError, httpx2.TransportError, ConnectionError, TimeoutError) as problem:
        reason = " ".join(str(problem).split())[:200] or type(problem).__name__
        raise WorkError("models.hub_unreachable", reason=reason) from problem


def _http_error(repo_id: str, problem: Any) -> InputError | WorkError:
    status = getattr(problem.response, "status_code", 0)
    with_token = bool(os.environ.get("HF_TOKEN"))
    # for a model that does not exist the Hub answers 401 to those who have shown no token
    if status == 404 or (status == 401 and not with_token):
        return InputError("models.hub_not_found", repo=repo_id)
    if status in (401, 403):
        return InputError("models.hub_token", status=status)
    return WorkError("models.hub_failed", status=status, reason=" ".join(str(problem).split())[:200])


def _reach_hub() -> None:
    """Ask for the Hub's front page once: the search itself would try again for half a minute without a network."""
    from huggingface_hub import constants, get_session

    get_session().head(constants.ENDPOINT, timeout=REACH_S)


def _api() -> Any:
    from huggingface_hub import HfApi

    # an empty token would make the library send a broken header; False means "send none, look for none on the disk"
    return HfApi(token=os.environ.get("HF_TOKEN") or False)


def _hub_model(info: Any) -> HubModel:
    tags = info.tags or []
    weights = info.safetensors
    return HubModel(
        id=info.id,
        downloads=info.downloads,
        likes=info.likes,
        parameters=int(weights.total) if weights else None,
        gated=bool(info.gated),
        license=next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None),
        updated=info.last_modified.isoformat() if info.last_modified else None,
    )


def _download(repo_id: str, revision: str, files: list[HubFile], job: Job) -> Path:
    """Fetch `files` one after the other into the Hugging Face cache and return the snapshot's folder."""
    from huggingface_hub import constants, hf_hub_download

    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    total = sum(file.bytes for file in files)
    check_free_space(cache, total)
    before, path = 0, ""
    for file in files:
        job.raise_if_stopped()
        path = hf_hub_download(
            repo_id, file.name, revision=revision, tqdm_class=_bar(job, before, total), token=_api().token
        )
        before += file.bytes
        job.progress(before, total, "models.stage_downloading")
    return Path(path).parent


def _bar(job: Job, before: int, total: int) -> type:
    """Return a progress bar class that reports to the job instead of drawing, and ends the download on a stop."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **values: Any) -> None:
            super().__init__(*args, **values | {"disable": True})  # type: ignore[no-untyped-call]
            self.bytes_done = float(values.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            self.bytes_done += n or 0
            job.progress(before + self.bytes_done, total, "models.stage_downloading")
            job.raise_if_stopped()

    return Bar
