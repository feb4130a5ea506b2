"""The file a person chose on the Data page: uploaded, or one of the samples that ship with MacTuner."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from mactuner_core.data.inspect import Inspection, inspect_file
from mactuner_core.data.recipe import Recipe
from mactuner_core.errors import MacTunerError
from mactuner_core.messages import catalogue
from mactuner_core.workspace import Workspace, disk_full_is_clear
from ui.language import t

SAMPLES = Path(__file__).parents[1] / "samples"
ENDINGS = ("csv", "tsv", "txt", "json", "jsonl")
SAMPLE_ENDINGS = (".csv", ".jsonl")
FIRST_SAMPLE = "civil_law_qa.csv"


@dataclass(frozen=True)
class Chosen:
    """A chosen file: its name, a mark that changes when its bytes do, and either its path or its bytes."""

    name: str
    mark: str
    path: Path | None = None
    content: memoryview | None = None


def choose_file() -> Chosen | None:
    """Draw the choice between uploading and a sample, and return what was chosen."""
    ways = {"upload": t("data_page.upload"), "sample": t("data_page.sample")}
    way = st.segmented_control(
        t("data_page.source"), ways, format_func=ways.__getitem__, default="upload", required=True, key="data-way"
    )
    if way == "sample":
        return _sample()
    uploaded = st.file_uploader(t("data_page.uploader"), type=ENDINGS, key="data-upload")
    if uploaded is None:
        return None
    return Chosen(uploaded.name, uploaded.file_id, content=uploaded.getbuffer())


def samples() -> list[Path]:
    """Return the sample files that hold examples, the one to begin with first."""
    files = [file for file in SAMPLES.glob("*") if file.suffix in SAMPLE_ENDINGS]
    return sorted(files, key=lambda file: (file.name != FIRST_SAMPLE, file.name))


def _sample() -> Chosen | None:
    files = {file.name: file for file in samples()}
    name = st.selectbox(t("data_page.sample_file"), list(files), key="data-sample")
    if not name:
        return None
    if (about := f"data_page.about_{Path(name).stem}") in catalogue():
        st.caption(t(about))
    return Chosen(name, f"{files[name]}-{files[name].stat().st_mtime_ns}", path=files[name])


@contextlib.contextmanager
def on_disk(workspace: Workspace, chosen: Chosen) -> Iterator[Path]:
    """Yield a path with the bytes of the file; errors that name this path name the person's file instead."""
    if chosen.path:
        yield chosen.path
        return
    folder = workspace.root / f".new-upload-{secrets.token_hex(4)}"
    path = folder / Path(chosen.name).name
    try:
        with disk_full_is_clear(folder):
            folder.mkdir()
            path.write_bytes(chosen.content or b"")
        yield path
    except MacTunerError as problem:
        if problem.values.get("path") == path:
            problem.values["path"] = chosen.name
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def inspected(workspace: Workspace, chosen: Chosen, recipe: Recipe) -> Inspection:
    """Return what is in the file; it is read once for each file and recipe."""
    return _inspected(workspace, chosen, chosen.mark, recipe.model_dump_json())


@st.cache_resource(max_entries=4, show_spinner=False)
def _inspected(_workspace: Workspace, _chosen: Chosen, mark: str, recipe: str) -> Inspection:
    with on_disk(_workspace, _chosen) as path:
        return inspect_file(path, Recipe.model_validate_json(recipe))
