"""The panel of one model of the Hub: its facts before it is downloaded, the token, and the download itself."""

from __future__ import annotations

import os

import streamlit as st

from mactuner_core.format import human_bytes, human_count
from mactuner_core.models.hub import offline_by_choice
from mactuner_core.models.hub_details import HubDetails
from mactuner_core.models.recommended import recommended
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.language import t
from ui.models_fit import fit_badges
from ui.models_pick import known, look_up, look_up_wanted, repository_field, token, token_field
from ui.page import App


def hub_panel(app: App) -> None:
    """Draw id, facts, token and download; the Hub is asked after a click only."""
    st.caption(t("models_page.about_hub"))
    repository = repository_field(t("models_page.repository"))
    closed = offline_by_choice()
    asked = st.button(
        t("models_page.look_up"), icon=":material/info:", width="stretch", disabled=closed or not repository
    )
    details = known(repository)
    if (asked or look_up_wanted(repository)) and repository:
        with st.spinner(t("models_page.looking_up")):
            details = look_up(repository)
    if details:
        facts(details)
    token_field(t("models_page.token"), t("models_page.token_help"))
    download_button(app, repository, details, closed)


def facts(details: HubDetails) -> None:
    """Draw what is known of a model before it is downloaded."""
    with st.container(border=True, key="hub-facts"):
        if details.asked_for:
            st.info(t("models_page.renamed", old=escaped(details.asked_for), new=escaped(details.id)))
        values = {
            "parameters": human_count(details.parameters) if details.parameters else "?",
            "download": human_bytes(details.bytes),
            "architecture": details.architecture or "?",
            "context": f"{details.context_length:,}" if details.context_length else "?",
            "license": details.license_name or details.license or "?",
            "korean": t("models_page.said") if details.korean else t("models_page.not_said"),
            "access": t("models_page.gated") if details.gated else t("models_page.open"),
            "commit": details.commit[:12],
        }
        fact, value = t("models_page.fact"), t("models_page.value")
        small_table([{fact: t(f"models_page.fact_{name}"), value: words} for name, words in values.items()])
        if details.fits:
            with st.container(horizontal=True, gap="small"):
                fit_badges(details.fits)
        warnings(details)
        st.link_button(t("models_page.open_page"), page_of(details.id), icon=":material/open_in_new:", width="stretch")


def warnings(details: HubDetails) -> None:
    """Say what stands in the way, or what must be read first."""
    if details.needs_own_code:
        st.error(t("models_page.needs_own_code"), icon=":material/block:")
    if not details.has_safetensors:
        st.error(t("models_page.no_safetensors"), icon=":material/block:")
    if details.gated and not (token() or os.environ.get("HF_TOKEN")):
        st.warning(t("models_page.gated_how", page=page_of(details.id)), icon=":material/lock:")
    if forbids_business(details):
        st.warning(t("models_page.not_commercial"), icon=":material/gavel:")


def forbids_business(details: HubDetails) -> bool:
    """Tell whether the licence is known to forbid commercial use; True only when it is sure."""
    listed = next((each for each in recommended() if each.id in (details.id, details.asked_for)), None)
    named = f"{details.license or ''} {details.license_name or ''}".lower()
    return bool(listed and listed.commercial == "no") or "-nc" in named or "exaone" in named


def download_button(app: App, repository: str, details: HubDetails | None, closed: bool) -> None:
    """Draw the main action, which starts the job; a cut download goes on."""
    unusable = bool(details and (details.needs_own_code or not details.has_safetensors))
    clicked = st.button(
        t("models_page.download"),
        type="primary",
        icon=":material/download:",
        width="stretch",
        disabled=closed or unusable or not repository,
    )
    if clicked:
        from mactuner_core.models.hub_download import start_download

        with errors_are_shown():
            start_download(app.workspace, repository, token())
            st.rerun()


def page_of(repository: str) -> str:
    """Return the address of a model's page."""
    return f"https://huggingface.co/{repository}"
