"""Copies of a saved version for other programs."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import streamlit as st

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.formats import FORMATS, SPLITS, Format, Split, default_path, export_dataset
from ui.language import labels, t


def export_box(version: DatasetVersion) -> None:
    """Draw the formats, and the copy when it was made."""
    left, right = st.columns(2)
    formats, parts = labels("data_page.format_", FORMATS), labels("data_page.", SPLITS)
    format = left.selectbox(
        t("data_page.export_format"),
        FORMATS,
        format_func=formats.__getitem__,
        key="data-export-format",
    )
    split = right.selectbox(t("data_page.part"), SPLITS, format_func=parts.__getitem__, key="data-export-split")
    made = st.session_state.setdefault("data-exports", {})
    place = f"{version.id} {format} {split}"
    if st.button(t("data_page.export_make"), icon=":material/inventory_2:", key="data-export"):
        with st.spinner(t("data_page.exporting")):
            made.clear()
            made[place] = export_bytes(version, split, format)
    if place in made:
        name, content, left_out = made[place]
        if left_out:
            st.warning(t("data_page.export_left_out", count=f"{left_out:,}"), icon=":material/info:")
        st.download_button(
            t("data_page.export_download", name=name), content, name, icon=":material/download:", key="data-download"
        )


def export_bytes(version: DatasetVersion, split: Split, format: Format) -> tuple[str, bytes, int]:
    """Return name and bytes of a copy (a folder as zip), and how many rows did not fit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / default_path(version, split, format).name
        done = export_dataset(version, split, format, path)
        left_out = sum(len(rows) for rows in done.left_out.values())
        if path.is_file():
            return path.name, path.read_bytes(), left_out
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(Path(folder)))
        return f"{path.name}.zip", packed.getvalue(), left_out
