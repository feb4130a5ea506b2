"""Four ways to get a model: made here from one's examples, a folder, an uploaded ZIP, or the Hub."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from mactuner_core.models.folder import add_folder
from mactuner_core.models.starter_job import start_starter
from mactuner_core.models.zipped import add_zip
from ui.errors import errors_are_shown, escaped
from ui.language import t
from ui.models_hub import hub_panel
from ui.models_pick import WAY
from ui.page import App

WAYS = ("starter", "folder", "zip", "hub")
_LEFT_OUT = "zip-left-out"


def get_a_model(app: App) -> None:
    """Draw the choice of the way and its form."""
    st.subheader(t("models_page.add"), anchor=False)
    labels = {way: t(f"models_page.way_{way}") for way in WAYS}
    st.session_state.setdefault(WAY, "starter")
    way = st.segmented_control(
        t("models_page.way"),
        WAYS,
        format_func=labels.__getitem__,
        required=True,
        key=WAY,
        label_visibility="collapsed",
        width="stretch",
    )
    {"starter": add_starter, "folder": add_from_folder, "zip": add_from_zip, "hub": hub_panel}[way or "starter"](app)


def add_starter(app: App) -> None:
    """Draw the form of a starter model."""
    st.caption(t("models_page.about_starter"))
    versions = [version.id for version in app.catalog.dataset_versions()]
    if not versions:
        st.info(t("models_page.starter_needs_data"), icon=":material/table_view:")
        return
    dataset = st.selectbox(t("models_page.dataset"), versions, key="starter-dataset")
    name = st.text_input(t("models_page.name"), key="starter-name", placeholder=t("models_page.name_by_itself"))
    if st.button(t("models_page.make_starter"), type="primary", icon=":material/auto_awesome:", width="stretch"):
        with errors_are_shown():
            start_starter(app.workspace, app.catalog, dataset, name.strip() or None)
            st.rerun()


def add_from_folder(app: App) -> None:
    """Draw the form for a folder of the person's."""
    st.caption(t("models_page.about_folder"))
    path = st.text_input(t("models_page.path"), key="folder-path", placeholder=t("models_page.path_example"))
    name = st.text_input(t("models_page.name"), key="folder-name", placeholder=t("models_page.name_by_itself"))
    clicked = st.button(
        t("models_page.add_folder"), type="primary", icon=":material/folder_open:", width="stretch", disabled=not path
    )
    if clicked:
        with errors_are_shown():
            add_folder(app.workspace, app.catalog, Path(path.strip()), name.strip() or None)
            st.rerun()


def add_from_zip(app: App) -> None:
    """Draw the form for a zipped folder; what stayed in the archive is said after it was added."""
    st.caption(t("models_page.about_zip"))
    uploaded = st.file_uploader(t("models_page.zip"), type="zip", key="zip-upload")
    name = st.text_input(t("models_page.name"), key="zip-name", placeholder=t("models_page.name_by_itself"))
    clicked = st.button(
        t("models_page.add_zip"), type="primary", icon=":material/folder_zip:", width="stretch", disabled=not uploaded
    )
    if clicked and uploaded:
        with errors_are_shown(), st.spinner(t("models_page.unpacking")):
            done = add_zip(app.workspace, app.catalog, uploaded, uploaded.name, name.strip() or None)
            st.session_state[_LEFT_OUT] = (done.model.id, done.left_out)
            st.rerun()
    if _LEFT_OUT in st.session_state:
        added, left_out = st.session_state[_LEFT_OUT]
        st.success(t("models_page.zip_added", name=escaped(added)), icon=":material/check_circle:")
        if left_out:
            st.caption(t("models_page.zip_left_out", files=escaped(", ".join(left_out[:8]))))
