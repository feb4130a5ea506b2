"""The file a person chooses on the Data page: uploaded, or one of the samples that ship with MacTuner."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from mactuner_core.messages import catalogue
from ui.language import t

SAMPLES = Path(__file__).parents[1] / "samples"
ENDINGS = ("csv", "tsv", "txt", "json", "jsonl", "parquet", "zip", "gz", "xlsx")
SAMPLE_ENDINGS = (".csv", ".jsonl", ".txt")
FIRST_SAMPLE = "civil_law_qa.csv"


def choose_file() -> tuple[str, bytes | memoryview] | None:
    """Draw the choice between uploading and a sample, and return name and bytes of what was chosen just now."""
    ways = {"upload": t("data_page.upload"), "sample": t("data_page.sample")}
    way = st.segmented_control(
        t("data_page.source"), ways, format_func=ways.__getitem__, default="upload", required=True, key="data-way"
    )
    if way == "sample":
        return _sample()
    uploaded = st.file_uploader(t("data_page.uploader"), type=ENDINGS, key="data-upload")
    return (uploaded.name, uploaded.getbuffer()) if uploaded else None


def samples() -> list[Path]:
    """Return the sample files that hold examples, the one to begin with first."""
    files = [file for file in SAMPLES.glob("*") if file.suffix in SAMPLE_ENDINGS]
    return sorted(files, key=lambda file: (file.name != FIRST_SAMPLE, file.name))


def _sample() -> tuple[str, bytes] | None:
    files = {file.name: file for file in samples()}
    name = st.selectbox(t("data_page.sample_file"), list(files), key="data-sample")
    if not name:
        return None
    if (about := f"data_page.about_{Path(name).stem}") in catalogue():
        st.caption(t(about))
    if st.button(t("data_page.use_sample"), type="primary", icon=":material/file_open:", key="data-use-sample"):
        return name, files[name].read_bytes()
    return None
