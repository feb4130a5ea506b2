"""The files a person gives: uploaded documents or a folder of this machine, and single files that are read at once."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import streamlit as st

from mactuner_core import jobs
from mactuner_core.errors import InputError
from mactuner_core.rag.build import JOB
from mactuner_core.rag.documents import ENDINGS
from mactuner_core.rag.uploads import keep_upload, safe_name
from mactuner_core.workspace import Workspace, check_free_space
from ui.errors import errors_are_shown
from ui.language import t


def choose_files(workspace: Workspace, key: str, name: str | None) -> list[Path]:
    """Draw the choice between uploading and naming a folder; return the paths to read, for the collection `name`."""
    ways = {"upload": t("rag_page.way_upload"), "folder": t("rag_page.way_folder")}
    way = st.segmented_control(
        t("rag_page.source"), ways, format_func=ways.__getitem__, default="upload", required=True, key=f"{key}-way",
        help=t("rag_page.source_help"),
    )  # fmt: skip
    if way == "folder":
        return _folder(key)
    endings = [ending.removeprefix(".") for ending in (*ENDINGS, ".zip")]
    uploaded = st.file_uploader(
        t("rag_page.uploader"), type=endings, accept_multiple_files=True, key=f"{key}-upload-{_builds(workspace, name)}",
        help=t("rag_page.uploader_help"),
    )  # fmt: skip
    paths = []
    for one in uploaded:
        with errors_are_shown():
            paths.append(keep_upload(workspace, one.name, one.getbuffer()))
    return paths


@contextlib.contextmanager
def as_file(workspace: Workspace, name: str, content: bytes | memoryview) -> Iterator[Path]:
    """Give an uploaded file that is read at once a path for the length of the block; errors about it say its own name."""
    check_free_space(workspace.root, len(content))
    with tempfile.TemporaryDirectory(prefix=".new-", dir=workspace.root) as folder:
        path = Path(folder) / safe_name(name)
        path.write_bytes(content)
        try:
            yield path
        except InputError as problem:
            if problem.values.get("path") == path:
                problem.values["path"] = name
            raise


def _builds(workspace: Workspace, name: str | None) -> int:
    """Return how many builds of a collection are done: after each one the uploader is empty again."""
    return sum(job.kind == JOB and job.title == name and job.state == "done" for job in jobs.list_jobs(workspace.jobs))


def _folder(key: str) -> list[Path]:
    given = st.text_input(
        t("rag_page.folder"), key=f"{key}-folder", placeholder=t("rag_page.folder_example"), help=t("rag_page.folder_help")
    ).strip()  # fmt: skip
    if not given:
        return []
    path = Path(given).expanduser()
    with errors_are_shown():
        if not path.exists():
            raise InputError("rag_documents.no_file", name=given)
        return [path]
    return []
