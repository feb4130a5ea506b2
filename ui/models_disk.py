"""What models take up on this disk: sizes, last use, who uses them; adding, going on with a download, and deleting."""

from __future__ import annotations

import shutil

import streamlit as st

from mactuner_core.format import human_bytes
from mactuner_core.models.folder import add_folder
from mactuner_core.models.hub_cache import Kept, delete_kept, kept_models
from mactuner_core.models.hub_download import add_snapshot, start_download
from ui.errors import errors_are_shown, escaped
from ui.language import t
from ui.models_pick import token
from ui.moments import ago
from ui.page import App


def disk(app: App) -> None:
    """Draw every model on the disk, the largest first, with the sums above."""
    found = kept_models(app.workspace, app.catalog)
    sums = {place: sum(kept.bytes for kept in found if kept.place == place) for place in ("hub", "workspace")}
    figures = st.columns(3)
    figures[0].metric(t("models_page.in_cache"), human_bytes(sums["hub"]))
    figures[1].metric(t("models_page.in_workspace"), human_bytes(sums["workspace"]))
    figures[2].metric(t("models_page.free"), human_bytes(shutil.disk_usage(app.workspace.root).free))
    if not found:
        st.caption(t("models_page.disk_empty"))
    for kept in found:
        kept_card(app, kept)


def kept_card(app: App, kept: Kept) -> None:
    """Draw one model on the disk."""
    with st.container(border=True, key=f"kept-{kept.name.replace('/', '-')}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{escaped(kept.name)}** · {human_bytes(kept.bytes)}", width="content")
            st.badge(t(f"models_page.place_{kept.place}"), color="violet")
        parts = [t("models_page.last_used", moment=ago(kept.last_used))]
        if kept.used_by:
            parts.append(t("models_page.used_by", names=escaped(", ".join(kept.used_by))))
        if kept.partial_bytes:
            parts.append(t("models_page.unfinished", size=human_bytes(kept.partial_bytes)))
        st.caption(" · ".join(parts))
        if kept.busy:
            st.caption(t("models_page.busy"))
            return
        with st.container(horizontal=True, gap="small"):
            if kept.partial_bytes and kept.place == "hub":
                go_on_button(app, kept)
            if kept.path and not kept.used_by:
                add_button(app, kept)
            delete_button(app, kept)


def go_on_button(app: App, kept: Kept) -> None:
    """Draw the button that goes on with a cut download."""
    if st.button(t("models_page.go_on"), key=f"go-on-{kept.name}", icon=":material/download:"):
        with errors_are_shown():
            start_download(app.workspace, kept.name, token())
            st.rerun()


def add_button(app: App, kept: Kept) -> None:
    """Draw the button that puts a whole model on the list; this needs no network."""
    if st.button(t("models_page.add_kept"), key=f"add-{kept.name}", icon=":material/playlist_add:") and kept.path:
        with errors_are_shown():
            if kept.place == "hub":
                add_snapshot(app.workspace, app.catalog, kept.name, kept.path)
            else:
                add_folder(app.workspace, app.catalog, kept.path)
            st.rerun()


def delete_button(app: App, kept: Kept) -> None:
    """Draw the deletion: it asks first, and is not offered for what is used."""
    with st.popover(t("models_page.delete"), icon=":material/delete:"):
        if kept.used_by:
            st.markdown(t("models_page.delete_used", names=escaped(", ".join(kept.used_by))))
            return
        st.markdown(t("models_page.delete_question", name=escaped(kept.name), size=human_bytes(kept.bytes)))
        gone = False
        if st.button(t("models_page.delete_yes"), key=f"delete-{kept.name}", type="primary"):
            with errors_are_shown():
                delete_kept(app.workspace, app.catalog, kept.name)
                gone = True
        if gone:
            st.rerun()
