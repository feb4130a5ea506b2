"""Downloading a model of the Hub as a job into the Hugging Face cache; a cut or stopped one goes on where it was.

Only configuration, tokenizer and safetensors of one commit are fetched, never pickle and never code. The token reaches
the job through its environment only. The large files are fetched by `hub_fetch`, the cache's layout is the library's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mactuner_core import jobs
from mactuner_core.catalog import Catalog, open_catalog
from mactuner_core.catalog.tables import Model
from mactuner_core.errors import InputError, WorkError
from mactuner_core.jobs import Job
from mactuner_core.models.catalogued import fresh_id
from mactuner_core.models.check import architecture, check_model_folder, needs_own_code, read_json
from mactuner_core.models.folder import plain_name
from mactuner_core.models.hub import ANSWER_S, api, cache_folder, check_repo_id, hub_errors_are_clear, reach_hub
from mactuner_core.models.hub import token_or_none as token_to_send
from mactuner_core.models.hub_cache import kept_models
from mactuner_core.models.hub_details import HubFile, check_safetensors, files_to_fetch
from mactuner_core.models.hub_fetch import fetch
from mactuner_core.workspace import Workspace, check_free_space, disk_full_is_clear

KIND = "hub_download"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def start_download(workspace: Workspace, repo_id: str, token: str | None = None) -> str:
    """Start the job that downloads `repo_id` and return its id, or the id of the one at work; its result has `id`.

    Raises InputError when `repo_id` is not of the form owner/name.
    """
    check_repo_id(repo_id)
    for job in jobs.list_jobs(workspace.jobs):
        if job.kind == KIND and job.title == repo_id and not job.ended:
            return job.id
    secrets = {"HF_TOKEN": token} if token else None
    return jobs.start(workspace, KIND, {"repo_id": repo_id}, title=repo_id, secrets=secrets)


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Download the model `spec["repo_id"]`, check it, and return the `id` of its catalogue row and its `commit`.

    A model that is whole on the disk needs no network.
    """
    asked_for = check_repo_id(spec["repo_id"])
    catalog = open_catalog(job.workspace)
    job.progress(0, 0, "models.stage_asking")
    try:
        name, folder = _fetched(asked_for, job)
    except WorkError as problem:
        kept = {each.name: each.path for each in kept_models(job.workspace, catalog)} if _is_away(problem) else {}
        if not (path := kept.get(asked_for)):
            raise
        name, folder = asked_for, path
    job.progress(0, 0, "models.stage_checking")
    model = add_snapshot(job.workspace, catalog, name, folder)
    return {"id": model.id, "commit": folder.name, "renamed_to": name if name != asked_for else None}


def _fetched(asked_for: str, job: Job) -> tuple[str, Path]:
    """Return the model's name now and its folder in the cache, with everything in it."""
    with hub_errors_are_clear(asked_for):
        reach_hub()
        info = api().model_info(asked_for, files_metadata=True, timeout=ANSWER_S)
        files = files_to_fetch(info)
        check_safetensors(asked_for, info, files)
        if not _COMMIT.fullmatch(str(info.sha)):
            raise WorkError("models.hub_strange", reason=f"commit {info.sha}")
        with disk_full_is_clear(cache_folder()):
            return info.id, _download(check_repo_id(info.id), info.sha, files, job)


def _is_away(problem: WorkError) -> bool:
    return problem.code in ("models.hub_offline_mode", "models.hub_unreachable", "models.hub_slow")


def add_snapshot(workspace: Workspace, catalog: Catalog, repo_id: str, folder: Path) -> Model:
    """Return the catalogue row of a model in the Hugging Face cache, made now unless it is known already.

    Raises InputError when the folder is no usable model.
    """
    facts = check_model_folder(folder)
    known = next((model for model in catalog.models() if model.path == str(folder)), None)
    if known:
        return known
    row = Model(
        id=fresh_id(workspace, catalog, plain_name(repo_id.split("/")[-1])),
        name=repo_id,
        source="hub",
        path=str(folder),
        architecture=facts.architecture,
        parameters=facts.parameters,
        bytes=facts.bytes,
    )
    catalog.add(row)
    return row


def _download(repo_id: str, commit: str, files: list[HubFile], job: Job) -> Path:
    """Fetch `files` one after the other into the Hugging Face cache and return the snapshot's folder."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    repo = cache_folder() / f"models--{repo_id.replace('/', '--')}"
    (repo / "blobs").mkdir(parents=True, exist_ok=True)
    snapshot = repo / "snapshots" / commit
    total = sum(file.bytes for file in files)
    there = {file: _bytes_there(repo, snapshot, file) for file in files}
    done = sum(there.values())  # counted from the start, so that the time left is that of the rest
    check_free_space(repo, total - done)
    job.progress(done, total, "models.stage_downloading")
    for file in files:
        job.raise_if_stopped()
        done -= there[file]
        if file.sha256:
            _fetch_blob(repo, repo_id, commit, file, _reporter(job, done, total))
        hf_hub_download(repo_id, file.name, revision=commit, token=token_to_send(None))
        if file.name == "config.json":
            _check_config(repo_id, snapshot)
        done += file.bytes
        job.progress(done, total, "models.stage_downloading")
    return snapshot


def _bytes_there(repo: Path, snapshot: Path, file: HubFile) -> int:
    """Return how many bytes of a file are on the disk already."""
    places = [snapshot / file.name]
    if file.sha256:
        places += [repo / "blobs" / file.sha256, partial(repo, file.sha256)]
    return next((min(place.stat().st_size, file.bytes) for place in places if place.is_file()), 0)


def partial(repo: Path, sha256: str) -> Path:
    """Return where the part of a file is kept that has been fetched so far."""
    return repo / "blobs" / f"{sha256}.incomplete"


def _fetch_blob(repo: Path, repo_id: str, commit: str, file: HubFile, on_bytes: Callable[[int], None]) -> None:
    """Put a large file where the library keeps it; the library then links it into the snapshot."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import WeakFileLock, build_hf_headers

    blob = repo / "blobs" / str(file.sha256)
    if blob.is_file():
        return
    lock = cache_folder() / ".locks" / repo.name / f"{file.sha256}.lock"  # the library's own, so that both wait
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if blob.is_file():
            return
        part = partial(repo, str(file.sha256))
        headers = build_hf_headers(token=token_to_send(None))
        url = hf_hub_url(repo_id, file.name, revision=commit)
        fetch(url, part, name=file.name, headers=headers, size=file.bytes, sha256=str(file.sha256), on_bytes=on_bytes)
        part.replace(blob)


def _check_config(repo_id: str, snapshot: Path) -> None:
    """Refuse a model that cannot be used before its weights are fetched."""
    config = read_json(snapshot / "config.json")
    if needs_own_code(config):
        raise InputError("models.custom_code", path=repo_id, model_type=config.get("model_type", "?"))
    architecture(repo_id, config)


def _reporter(job: Job, before: int, total: int) -> Callable[[int], None]:
    def report(there: int) -> None:
        job.progress(before + there, total, "models.stage_downloading")
        job.raise_if_stopped()

    return report
