"""A collection as one file: saved for another machine, and made from such a file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import open_collection
from mactuner_core.rag.transfer import export_collection, import_collection
from mactuner_core.workspace import Workspace
from ui.errors import errors_are_shown, escaped
from ui.language import t
from ui.navigation import go
from ui.page import App, upload_limit
from ui.rag_files import as_file

LARGE = 300_000_000  # bytes: what is more stays on the disk, it would pass through the browser's memory
ENDING = ".collection.zip"


def export_button(app: App, collection: Collection, facts: Mapping[str, Any], *, busy: bool) -> None:
    """Draw the download of a collection, packed when it is pressed; a large one is written into the workspace."""
    name = collection.name
    if facts["bytes"] <= LARGE:
        st.download_button(
            t("rag_page.export"), lambda: packed(app.workspace, name), f"{name}{ENDING}", "application/zip",
            icon=":material/archive:", key=f"documents-export-{name}", on_click="ignore", disabled=busy,
            help=t("rag_page.export_help"),
        )  # fmt: skip
        return
    if st.button(
        t("rag_page.export"), icon=":material/archive:", key=f"documents-export-{name}", disabled=busy,
        help=t("rag_page.export_help"),
    ):  # fmt: skip
        with errors_are_shown(), st.spinner(t("rag_page.exporting")):
            path = written(app.workspace, collection, facts["updated_at"])
            size = human_bytes(path.stat().st_size)
            st.success(t("rag_page.exported", path=escaped(str(path)), size=size), icon=":material/task_alt:")


def packed(workspace: Workspace, name: str) -> bytes:
    """Return a collection as the bytes of its file."""
    with (
        open_collection(workspace, name) as collection,
        tempfile.TemporaryDirectory(prefix=".new-", dir=workspace.root) as folder,
    ):
        return export_collection(collection, Path(folder) / f"{name}{ENDING}").read_bytes()


def written(workspace: Workspace, collection: Collection, updated_at: float) -> Path:
    """Return the file of a collection as it is now, below `collection-files` of the workspace, written when it is not there."""
    folder = workspace.root / "collection-files"
    folder.mkdir(exist_ok=True)
    path = folder / f"{collection.name}-{datetime.fromtimestamp(updated_at):%Y%m%d-%H%M%S}{ENDING}"
    return path if path.is_file() else export_collection(collection, path)


def import_area(app: App) -> None:
    """Draw the making of a collection from a file: uploaded, or where it lies when it is large."""
    with st.expander(t("rag_page.import"), icon=":material/unarchive:"):
        st.caption(t("rag_page.import_about"))
        given = st.file_uploader(
            t("rag_page.import_file"), type="zip", key="documents-import-file", help=t("rag_page.import_file_help")
        )
        place = st.text_input(
            t("rag_page.import_path", size=upload_limit()), key="documents-import-path", disabled=given is not None,
            help=t("rag_page.import_path_help"), placeholder=t("rag_page.import_path_example"),
        ).strip()  # fmt: skip
        name = st.text_input(
            t("rag_page.import_name"), key="documents-import-name", placeholder=t("rag_page.import_name_example"),
            help=t("rag_page.import_name_help"),
        ).strip()  # fmt: skip
        clicked = st.button(
            t("rag_page.import_start"), icon=":material/unarchive:", key="documents-import", disabled=not (given or place),
            help=t("rag_page.import_start_help"),
        )  # fmt: skip
    if not clicked:
        return
    made = ""
    with errors_are_shown(), st.spinner(t("rag_page.importing")):
        if given:
            with as_file(app.workspace, given.name, given.getbuffer()) as path:
                made = imported(app.workspace, path, name)
        else:
            made = imported(app.workspace, Path(place).expanduser(), name)
    if made:
        go("documents", collection=made)


def imported(workspace: Workspace, path: Path, name: str) -> str:
    """Make the collection and return its name."""
    if not path.is_file():
        raise InputError("rag_documents.no_file", name=str(path))
    with import_collection(workspace, path, name or None) as collection:
        return collection.name
