"""Looking for a model: the recommended ones with the reason and the licence of each, and the search of the Hub."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from mactuner_core.errors import MacTunerError
from mactuner_core.format import human_bytes, human_count
from mactuner_core.models.catalogued import fits
from mactuner_core.models.hub import offline_by_choice
from mactuner_core.models.hub_search import HubModel
from mactuner_core.models.recommended import Recommended
from mactuner_core.models.recommended import recommended as recommended_models
from ui.errors import escaped
from ui.language import labels, language, t
from ui.models_fit import fit_badges, methods_that_fit
from ui.models_hub import page_of
from ui.models_pick import failed, is_offline, pick, reached, token
from ui.page import App

FOUND = "models-found"
TABLE = "hub-table"
SIZES = {"any": None, "1b": 1_000_000_000, "3b": 3_000_000_000, "8b": 8_500_000_000}
LICENSES = ("any", "apache-2.0", "mit", "gemma", "llama3.2", "cc-by-nc-4.0", "other")
ROW_PX, SHOWN_ROWS = 35, 15
COLOURS = {"yes": "green", "conditions": "yellow", "no": "orange"}


def recommendations(app: App) -> None:
    """Draw the list of good small bases for Korean; nothing is asked of the Hub before one is chosen."""
    st.caption(t("models_page.about_recommended"))
    have = {model.name for model in app.catalog.models()}
    for entry in recommended_models():
        recommended_card(entry, entry.id in have)


def recommended_card(entry: Recommended, have: bool) -> None:
    """Draw one: what it is good for, its size and terms, whether it fits, and the button that picks it."""
    with st.container(border=True, key=f"recommended-{entry.id.replace('/', '-')}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{escaped(entry.id)}**", width="content")
            st.badge(human_count(entry.parameters), color="blue")
        st.markdown(entry.why[language()])
        with st.container(horizontal=True, gap="small"):
            commercial = t(f"models_page.commercial_{entry.commercial}")
            st.badge(f"{entry.license} · {commercial}", icon=":material/gavel:", color=COLOURS[entry.commercial])  # type: ignore[arg-type]
            if entry.gated:
                st.badge(t("models_page.gated"), icon=":material/lock:", color="gray")
            if entry.own_code:
                st.badge(t("models_page.own_code"), icon=":material/block:", color="red")
            if not entry.chat:
                st.badge(t("models_page.no_chat"), color="gray")
            if entry.gguf and not entry.own_code:
                st.badge(t("models_page.gguf"), color="gray", help=t("models_page.gguf_help"))
        if not entry.own_code:
            with st.container(horizontal=True, gap="small"):
                fit_badges(fits(entry.parameters))
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            label = t("models_page.have") if have else t("models_page.choose")
            usable = not (have or entry.own_code)
            st.button(label, key=f"choose-{entry.id}", on_click=pick, args=(entry.id,), disabled=not usable)
            st.link_button(
                t("models_page.open_page"), page_of(entry.id), type="tertiary", icon=":material/open_in_new:"
            )


def hub_search(app: App) -> None:
    """Draw the search with its filters, and what it found as a table; a click on a row picks the model."""
    del app
    with st.form("hub-search", border=False, enter_to_submit=True):
        query = st.text_input(t("models_page.search"), key="hub-query", icon=":material/search:")
        size, license, korean = st.columns([1, 1, 1], vertical_alignment="bottom")
        sizes = labels("models_page.size_", SIZES)
        largest = size.selectbox(t("models_page.size_filter"), sizes, format_func=sizes.__getitem__, key="hub-size")
        names = {name: name for name in LICENSES} | {"any": t("models_page.any")}
        terms = license.selectbox(
            t("models_page.license_filter"), names, format_func=names.__getitem__, key="hub-license"
        )
        only_korean = korean.toggle(t("models_page.only_korean"), key="hub-korean")
        asked = st.form_submit_button(t("models_page.search_button"), width="stretch", disabled=offline_by_choice())
    if asked:
        find(query.strip(), only_korean, None if terms == "any" else terms, SIZES[largest])
    found = st.session_state.get(FOUND)
    if found is None:
        st.caption(t("models_page.offline_short") if is_offline() else t("models_page.search_hint"))
    elif not found:
        st.caption(t("models_page.nothing_found"))
    else:
        st.dataframe(
            [row(model) for model in found],
            key=TABLE,
            hide_index=True,
            on_select=partial(pick_row, found),
            selection_mode="single-row",
            height=min(SHOWN_ROWS, len(found) + 1) * ROW_PX + 3,
        )
        st.caption(t("models_page.search_found", count=len(found)))


def find(query: str, korean: bool, license: str | None, maximum: int | None) -> None:
    """Ask the Hub and keep what it found; an error leaves what was found before."""
    from mactuner_core.models.hub_search import search

    with st.spinner(t("models_page.searching")):
        try:
            st.session_state[FOUND] = search(
                query, korean=korean, license=license, maximum_parameters=maximum, limit=50, token=token()
            )
            reached()
        except MacTunerError as problem:
            failed(problem)


def pick_row(found: list[HubModel]) -> None:
    """Pick the model of the row that was clicked."""
    rows = st.session_state[TABLE]["selection"]["rows"]
    if rows:
        pick(found[rows[0]].id)


def row(model: HubModel) -> dict[str, Any]:
    """Return one model as a row of the table."""
    values = {
        "id": model.id,
        "parameters": human_count(model.parameters) if model.parameters else "?",
        "fits": methods_that_fit(model.fits),
        "license": (model.license or "?") + (" 🔒" if model.gated else ""),
        "korean": "✓" if model.korean else "",
        "size": human_bytes(model.bytes) if model.bytes else "?",
        "downloads": model.downloads,
    }
    return {t(f"models_page.column_{name}"): value for name, value in values.items()}
