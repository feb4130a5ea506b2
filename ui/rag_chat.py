"""Asking a model about a collection: through a running server, with the sources under each answer."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mactuner_core import jobs
from mactuner_core.chat.ask_documents import ask_documents, names_of
from mactuner_core.chat.server_process import Server, find_server, running_servers, settings_of, start_server
from mactuner_core.chat.talk import Sampling
from mactuner_core.errors import MacTunerError
from mactuner_core.jobs import JobStatus
from mactuner_core.rag.collection import Collection
from mactuner_core.server.settings_rag import ALL
from ui.errors import errors_are_shown, show_error
from ui.examples import AVATARS, answer_markdown
from ui.language import t
from ui.navigation import go, go_button
from ui.page import App
from ui.rag_sources import check_line, source_cards
from ui.serve_choices import choices_of, label_of

CONVERSATIONS = "documents-conversations"


def starting_servers(app: App, name: str | None) -> list[JobStatus]:
    """Return the servers that will answer from a collection but still load."""
    found = [job for job in jobs.list_jobs(app.workspace.jobs) if job.kind == "serve" and not job.ended]
    mine = [job for job in found if {name, ALL} & set(settings_of(job.folder).get("collection") or [])]
    return [job for job in mine if not answers_or_ended(job)]


def answers_or_ended(job: JobStatus) -> bool:
    """Tell whether a job is over, or is a server that answers now."""
    if job.ended or job.kind != "serve":
        return job.ended
    try:
        return find_server(job.folder) is not None
    except MacTunerError:
        return True


def answering(app: App, collection: str) -> dict[str, Server]:
    """Return the running servers that answer from a collection, by the names under which they do."""
    servers = [server for server in running_servers(app.workspace) if not server.needs_key]
    return {name: server for server in servers for name in names_of(server, collection)}


def chat_area(app: App, collection: Collection, names: dict[str, Server]) -> None:
    """Draw the conversation with one of the servers of `answering`, or how to get one."""
    if not names:
        start_area(app, collection.name)
        return
    key = f"documents-model-{'-'.join(names)}"
    name = st.selectbox(t("rag_page.model"), list(names), key=key, help=t("rag_page.model_help"))
    conversation(collection, names[name], name)


def start_area(app: App, name: str) -> None:
    """Draw the start of a server for a collection."""
    busy = bool(starting_servers(app, name))
    st.info(t("rag_page.server_loads" if busy else "rag_page.no_server"), icon=":material/dns:")
    choices = {choice.ref: choice for choice in choices_of(app) if choice.file.verified}
    if not choices:
        go_button("serve", t("rag_page.to_serve"), key="documents-to-serve", primary=False, new="1")
        st.caption(t("rag_page.serve_how"))
        return
    ref = st.selectbox(
        t("rag_page.model"), list(choices), format_func=lambda ref: label_of(choices[ref]), key="documents-model-file",
        help=t("rag_page.model_file_help"),
    )  # fmt: skip
    if st.button(
        t("rag_page.start_server"), icon=":material/play_arrow:", key="documents-start-server", disabled=busy,
        help=t("rag_page.start_server_help"),
    ):  # fmt: skip
        started = False
        with errors_are_shown():
            start_server(app.workspace, ref, collection=[name])
            started = True
        if started:
            go("documents", collection=name)


def conversation(collection: Collection, server: Server, name: str) -> None:
    """Draw what was said, take the next question and let the answer grow."""
    messages: list[dict[str, Any]] = st.session_state.setdefault(CONVERSATIONS, {}).setdefault(name, [])
    if messages and messages[-1]["role"] == "user":
        messages.pop()  # stopped before the answer was there
    if not messages:
        st.caption(t("rag_page.ask_about"))
    for place, message in enumerate(messages):
        with st.chat_message(message["role"], avatar=AVATARS[message["role"]]):
            if message["role"] == "user":
                st.text(message["content"])
                continue
            st.markdown(answer_markdown(message["content"]) or f":gray[{t('rag_page.no_words')}]")
            if not message["check"].empty:
                check_line(message["check"])
            source_cards(collection, message, f"documents-answer-{place}")
    question = st.chat_input(t("rag_page.ask_placeholder"), key="documents-question")
    if messages and st.button(
        t("rag_page.clear"), icon=":material/delete_sweep:", type="tertiary", help=t("rag_page.clear_help")
    ):
        messages.clear()
        st.rerun()
    if question and question.strip() and answer(server, name, messages, question.strip()):
        st.rerun()


def answer(server: Server, name: str, messages: list[dict[str, Any]], question: str) -> bool:
    """Ask the server, draw the answer as it comes and tell whether it came."""
    messages.append({"role": "user", "content": question})
    with st.chat_message("user", avatar=AVATARS["user"]):
        st.text(question)
    with st.chat_message("assistant", avatar=AVATARS["assistant"]):
        place = st.empty()
        place.caption(t("rag_page.thinking"))
        grown: list[str] = []

        def grow(piece: str) -> None:
            grown.append(piece)
            place.markdown(answer_markdown("".join(grown)))

        try:
            said = [{"role": message["role"], "content": message["content"]} for message in messages]
            found = ask_documents(server, name, said, Sampling(temperature=0.0), grow)
        except MacTunerError as problem:
            messages.pop()
            place.empty()
            show_error(problem)
            return False
    more = {"sources": found.sources, "citations": found.citations, "check": found.check(question)}
    messages.append({"role": "assistant", "content": found.text, **more})
    return True
