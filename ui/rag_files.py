"""The documents a person gives: uploaded files, kept where a job can read them, or a folder of this machine."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

import streamlit as st

from mactuner_core.errors import InputError
from mactuner_core.rag.documents import ENDINGS
from mactuner_core.workspace import Workspace, check_free_space
from ui.errors import errors_are_shown
from ui.language import t

LONGEST_NAME = 200  # bytes; file systems allow 255


def choose_files(workspace: Workspace, key: str) -> list[Path]:
    """Draw the choice between uploading and naming a folder; return the paths to read."""
    ways = {"upload": t("rag_page.way_upload"), "folder": t("rag_page.way_folder")}
    way = st.segmented_control(
        t("rag_page.source"), ways, format_func=ways.__getitem__, default="upload", required=True, key=f"{key}-way"
    )
    if way == "folder":
        return _folder(key)
    endings = [ending.removeprefix(".") for ending in (*ENDINGS, ".zip")]
    uploaded = st.file_uploader(
        t("rag_page.uploader"), type=endings, accept_multiple_files=True, key=f"{key}-upload",
        help=t("rag_page.uploader_help"),
    )  # fmt: skip
    paths = []
    for one in uploaded:
        with errors_are_shown():
            paths.append(keep(workspace, one.name, one.getbuffer()))
    return paths


def keep(workspace: Workspace, name: str, content: bytes | memoryview) -> Path:
    """Write an upload under its own name where jobs find it, once for the same bytes; a collection keeps its own copy."""
    folder = workspace.cache / "uploads" / hashlib.sha256(content).hexdigest()[:16]
    path = folder / safe_name(name)
    if not path.is_file() or path.stat().st_size != len(content):
        check_free_space(workspace.root, len(content))
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def safe_name(name: str) -> str:
    """Return the last part of a file's name, short enough to be one; its ending stays."""
    last = Path(unicodedata.normalize("NFC", name).replace("\\", "/").replace("\0", "")).name
    stem, ending = Path(last).stem, Path(last).suffix[:20]
    while len(f"{stem}{ending}".encode()) > LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem}{ending}" if stem.strip(". ") else f"document{ending}"


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
