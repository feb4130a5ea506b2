"""The models on the list: what each is, what of it fits this machine, and what can be done with it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from mactuner_core.catalog.tables import Model
from mactuner_core.format import human_bytes, human_count
from mactuner_core.models.catalogued import model_details, model_info, remove_model
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.language import t
from ui.models_fit import fit_badges
from ui.moments import ago
from ui.navigation import go_button
from ui.page import App, empty_state


def mine(app: App) -> None:
    """Draw every model of the list, newest first, or how to get the first one."""
    models = app.catalog.models()
    for model in models:
        model_card(app, model)
    if not models:
        nothing_yet(app)


def nothing_yet(app: App) -> None:
    """Draw the empty state: a dataset first, or a starter model from one."""
    if app.catalog.dataset_versions():
        st.info(t("models_page.empty_with_data"), icon=":material/arrow_forward:")
    else:
        empty_state(":material/deployed_code:", t("models_page.empty"), t("models_page.empty_button"), "data")


def model_card(app: App, model: Model) -> None:
    """Draw one model: where it is from, its size, what of it fits here, and what can be done with it."""
    info = model_info(model)
    with st.container(border=True, key=f"model-{model.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{escaped(model.name)}**", width="content")
            st.badge(t(f"models_page.source_{model.source}"), color="violet")
        facts = st.columns(3)
        facts[0].metric(
            t("models_page.parameters"),
            human_count(model.parameters),
            help=t("models_page.exact", n=f"{model.parameters:,}"),
        )
        facts[1].metric(t("models_page.size"), human_bytes(model.bytes), help=t("ui.exact_bytes", n=f"{model.bytes:,}"))
        facts[2].metric(
            t("models_page.architecture"), model.architecture.removesuffix("ForCausalLM"), help=model.architecture
        )
        with st.container(horizontal=True, gap="small"):
            if not info["present"]:
                st.badge(t("models_page.gone"), icon=":material/error:", color="red")
            fit_badges(info["fits"])
        st.caption(f"{origin(model, info['commit'])} · {ago(model.created_at)}")
        with st.container(horizontal=True, gap="small"):
            go_button("training", t("models_page.train"), key=f"train-{model.id}", primary=False, model=model.id)
            details_button(model)
            remove_button(app, model)


def origin(model: Model, commit: str | None) -> str:
    """Return where a model is from: its dataset, its version on the Hub, or its folder."""
    if model.dataset_id:
        return t("models_page.made_from", dataset=escaped(model.dataset_id))
    return t("models_page.version", commit=commit[:12]) if commit else escaped(model.path)


def details_button(model: Model) -> None:
    """Draw what the model's folder itself says; it is read when it is asked for."""
    box = st.popover(t("ui.details"), icon=":material/info:", key=f"details-{model.id}", on_change="rerun")
    if not box.open:
        return
    with box, errors_are_shown():
        facts = model_details(model)
        yes_no = {True: t("models_page.has"), False: t("models_page.has_not")}
        values = {
            "vocabulary": f"{facts['vocabulary']:,}",
            "context": f"{facts['context_length']:,}" if facts["context_length"] else "–",
            "template": yes_no[facts["has_chat_template"]],
            "dtype": facts["dtype"],
            "commit": facts["commit"] or "–",
            "path": facts["path"],
        }
        fact, value = t("models_page.fact"), t("models_page.value")
        small_table([{fact: t(f"models_page.fact_{name}"), value: words} for name, words in values.items()])


def remove_button(app: App, model: Model) -> None:
    """Draw the removal: it asks first, and says what depends on the model."""
    users = [run.id for run in app.catalog.runs() if run.model_id == model.id]
    users += [export.id for export in app.catalog.exports() if export.model_id == model.id]
    with st.popover(t("models_page.remove"), icon=":material/delete:"):
        if users:
            st.markdown(t("models_page.in_use", users=escaped(", ".join(users))))
            return
        kept = "own" if Path(model.path).parent == app.workspace.models else "other"
        st.markdown(t(f"models_page.remove_{kept}", name=escaped(model.name)))
        removed = False
        if st.button(t("models_page.remove_yes"), key=f"remove-{model.id}", type="primary"):
            with errors_are_shown():
                remove_model(app.workspace, app.catalog, model.id)
                removed = True
        if removed:
            st.rerun()
