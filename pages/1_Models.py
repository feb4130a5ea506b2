"""Models: what there is to train, whether it fits this machine, and three ways to get one more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from mactuner_core.catalog.tables import Model
from mactuner_core.format import human_bytes, human_count
from mactuner_core.jobs import JobStatus
from mactuner_core.models.catalogued import model_details, model_info, remove_model
from mactuner_core.models.folder import add_folder
from mactuner_core.models.starter_job import start_starter
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.job_card import job_card, jobs_of, live
from ui.language import t
from ui.moments import ago
from ui.navigation import go_button
from ui.page import App, empty_state, header, main_and_settings, show

WAYS = ("starter", "folder", "hub")
DEFAULT_HUB_MODEL = "Qwen/Qwen3-0.6B"
FOUND = "models-found"


def main(app: App) -> None:
    """Draw the page."""
    models = list(app.catalog.models())
    header("models", t("models_page.sentence"), t("models_page.chip", count=len(models)), "blue" if models else "gray")
    left, right = main_and_settings()
    with right:
        add(app)
    with left:
        jobs = jobs_of(app.workspace, "starter", "hub_download")
        if jobs:
            live(app.workspace, [job.id for job in jobs], draw_jobs)
        for model in models:
            model_card(app, model)
        if not models and not jobs:
            nothing_yet(app)


def draw_jobs(jobs: list[JobStatus]) -> None:
    """Draw what is being made or downloaded."""
    for job in jobs:
        job_card(job)


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
            for method, need in info["fits"].items():
                fit_badge(method, need)
        made = (
            t("models_page.made_from", dataset=escaped(model.dataset_id)) if model.dataset_id else escaped(model.path)
        )
        st.caption(f"{made} · {ago(model.created_at)}")
        with st.container(horizontal=True, gap="small"):
            go_button("training", t("models_page.train"), key=f"train-{model.id}", primary=False, model=model.id)
            details_button(model)
            remove_button(app, model)


def fit_badge(method: str, need: dict[str, Any]) -> None:
    """Draw whether a method of training fits into this machine's memory."""
    label = t(f"models_page.fit_{method}", memory=human_bytes(need["memory_bytes"]))
    if need["fits"]:
        st.badge(label, icon=":material/check:", color="green")
    else:
        st.badge(label, icon=":material/close:", color="orange", help=t("models_page.does_not_fit"))


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


def add(app: App) -> None:
    """Draw the three ways to get a model."""
    st.subheader(t("models_page.add"), anchor=False)
    labels = {way: t(f"models_page.way_{way}") for way in WAYS}
    way = st.segmented_control(
        t("models_page.way"),
        WAYS,
        format_func=labels.__getitem__,
        default="starter",
        required=True,
        key="models-way",
        label_visibility="collapsed",
        width="stretch",
    )
    {"starter": add_starter, "folder": add_from_folder, "hub": add_from_hub}[way or "starter"](app)


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


def add_from_hub(app: App) -> None:
    """Draw search and download from the Hugging Face Hub; the token stays in this session."""
    st.caption(t("models_page.about_hub"))
    with st.form("hub-search", border=False, enter_to_submit=True):
        query = st.text_input(t("models_page.search"), key="hub-query", icon=":material/search:")
        if st.form_submit_button(t("models_page.search_button"), width="stretch") and query.strip():
            from mactuner_core.models.hub import search

            with errors_are_shown(), st.spinner(t("models_page.searching")):
                st.session_state[FOUND] = {found.id: found for found in search(query.strip())}
    found = st.session_state.get(FOUND)
    if found == {}:
        st.caption(t("models_page.nothing_found"))
    repository = st.selectbox(
        t("models_page.repository"),
        list(found or [DEFAULT_HUB_MODEL]),
        format_func=lambda name: hub_label(name, found or {}),
        accept_new_options=True,
        key="hub-repository",
    )
    token = st.text_input(t("models_page.token"), type="password", key="hub-token", help=t("models_page.token_help"))
    clicked = st.button(
        t("models_page.download"), type="primary", icon=":material/download:", width="stretch", disabled=not repository
    )
    if clicked and repository:
        from mactuner_core.models.hub import start_download

        with errors_are_shown():
            start_download(app.workspace, app.catalog, repository.strip(), token.strip() or None)
            st.rerun()


def hub_label(name: str, found: dict[str, Any]) -> str:
    """Return a model of the Hub with its size and downloads, as far as they are known."""
    model = found.get(name)
    if model is None:
        return name
    parts = [
        name,
        human_count(model.parameters) if model.parameters else "",
        t("models_page.gated") if model.gated else "",
    ]
    return " · ".join(part for part in parts if part)


show("models", main)
