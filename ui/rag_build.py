"""Making an index: documents, the settings they are cut and embedded with, the main action, and what came of it."""

from __future__ import annotations

import streamlit as st

from mactuner_core import jobs
from mactuner_core.errors import InputError, error_from_dict
from mactuner_core.format import human_bytes
from mactuner_core.rag.build import JOB, IndexRequest, start_indexing
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import list_collections
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.known_models import KNOWN
from ui.errors import errors_are_shown, escaped, sentence_of
from ui.forms import settings_form
from ui.language import t
from ui.navigation import go
from ui.page import App, main_and_settings
from ui.rag_files import choose_files
from ui.rag_preview import preview


def build_area(app: App, collection: Collection | None) -> None:
    """Draw what goes into a collection and how; without one, into a new one."""
    key = f"documents-{collection.name}" if collection else "documents-new"
    left, right = main_and_settings()
    with left:
        if collection is None:
            st.text_input(t("rag_page.name"), t("rag_page.first_name"), key=f"{key}-name", help=t("rag_page.name_help"))
        paths = choose_files(app.workspace, key, collection.name if collection else None)
    with right:
        st.subheader(t("rag_page.settings"), anchor=False)
        config = ask_settings(collection, key)
        place = st.container()
    usable = 0
    with left:
        if paths and config:
            usable = preview(paths, config, key)
            st.text_input(t("rag_page.tags"), key=f"{key}-tags", help=t("rag_page.tags_help"))
        elif not paths:
            st.caption(t("rag_page.formats"))
    with place:
        rebuild = bool(collection) and st.toggle(
            t("rag_page.rebuild"), key=f"{key}-rebuild", help=t("rag_page.rebuild_help")
        )
        clicked = st.button(
            t("rag_page.build"), type="primary", icon=":material/play_arrow:", width="stretch", key=f"{key}-build",
            help=t("rag_page.build_help"), disabled=config is None or not (usable or (rebuild and not paths)),
        )  # fmt: skip
        if clicked and config:
            name = collection.name if collection else str(st.session_state[f"{key}-name"]).strip()
            tags = tags_of(str(st.session_state.get(f"{key}-tags", "")))
            request = IndexRequest(name, paths, config.model_dump(mode="json"), tags, rebuild=rebuild)
            build(app, request, new=collection is None)


def ask_settings(collection: Collection | None, key: str) -> RagConfig | None:
    """Draw the settings, filled with those of the collection; return them, or None after saying what is wrong."""
    values = collection.config.model_dump() if collection else RagConfig().model_dump()
    known = {one.name: one for one in KNOWN}
    before = values["embedding_model"]
    options = [*known, *([before] if before not in known else [])]
    field = RagConfig.model_fields["embedding_model"]
    model = st.selectbox(
        t("rag_page.embedding_model"), options, index=options.index(before), key=f"{key}-embedding_model",
        accept_new_options=True, help=t("rag_page.embedding_model_help"),
    )  # fmt: skip
    if model in known:
        one = known[model]
        st.caption(escaped(t(one.note)))
        if not one.packaged:
            st.caption(f":material/download: {t('rag_page.download', size=human_bytes(one.download_bytes))}")
    form = settings_form(RagConfig, key, values=values, leave_out=("embedding_model",))
    return form.check(RagConfig, embedding_model=model or field.default)


def tags_of(given: str) -> list[str]:
    """Return the tags in a line, each once, as they were separated by commas."""
    return list(dict.fromkeys(tag for one in given.split(",") if (tag := " ".join(one.split()))))


def build(app: App, request: IndexRequest, *, new: bool) -> None:
    """Start the job, and look at it."""
    started = False
    with errors_are_shown():
        if new and request.collection in list_collections(app.workspace):
            raise InputError("rag.name_taken", name=request.collection)
        start_indexing(app.workspace, request)
        started = True
    if started:
        go("documents", collection=request.collection)


def outcome(app: App, name: str) -> None:
    """Draw what the last build of a collection did, with the reason for each file that is not in it."""
    found = (job for job in jobs.list_jobs(app.workspace.jobs) if job.kind == JOB and job.title == name)
    last = next(found, None)
    if last is None or last.state != "done":
        return
    result = last.result or {}
    counts = {state: len(result.get(state, [])) for state in ("added", "updated", "unchanged", "duplicate")}
    st.caption(f":material/task_alt: {t('rag_page.outcome', **counts, failed=len(result.get('failed', [])))}")
    for one in result.get("failed", []):
        said = sentence_of(error_from_dict(one))
        st.error(escaped(said if one["name"] in said else f"{one['name']}: {said}"), icon=":material/error:")
