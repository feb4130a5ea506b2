"""Chat: an exported model answers through MacTuner's own server, the same one that any OpenAI client can use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mactuner_core import jobs
from mactuner_core.chat.server_process import Server, find_server, running_servers, start_server
from mactuner_core.chat.talk import Sampling, ask_server
from mactuner_core.data.dataset import system_prompt_of
from mactuner_core.errors import MacTunerError
from mactuner_core.format import human_duration
from mactuner_core.jobs import JobStatus
from ui.errors import errors_are_shown, show_error
from ui.examples import AVATARS, answer_markdown
from ui.job_card import job_card, jobs_of, live
from ui.language import language, t
from ui.navigation import link_to
from ui.page import App, empty_state, header, main_and_settings, show
from ui.serve_choices import Choice, choices_of, label_of

CHAT_HEIGHT = 520
STOP_GRACE_S = 10.0
CONVERSATIONS = "conversations"


def main(app: App) -> None:
    """Draw the page."""
    choices = choices_of(app)
    servers = {server.model: server for server in running_servers(app.workspace) if not server.needs_key}
    chip = t("chat_page.chip_on") if servers else t("chat_page.chip_off")
    header("chat", t("chat_page.sentence"), chip, "green" if servers else "gray")
    if not choices:
        empty_state(":material/forum:", t("chat_page.empty"), t("chat_page.empty_button"), "export")
        return
    left, right = main_and_settings()
    with right:
        choice = choose(choices, servers)
        server = servers.get(choice.ref)
        starting = [job for job in jobs_of(app.workspace, "serve") if job.title == choice.ref and not server]
        if not server:
            start_button(app, choice, busy=any(not job.ended for job in starting))
        manner = parameters(app, choice)
        if server:
            stop_button(app, server)
    with left:
        if server:
            conversation(server, manner)
            address(server)
        elif starting:
            live(app.workspace, [job.id for job in starting], draw_jobs, over=answers_or_ended)
        else:
            st.info(t("chat_page.start_first"), icon=":material/arrow_forward:")


def choose(choices: Sequence[Choice], servers: dict[str, Server]) -> Choice:
    """Draw the choice of the model: the one that runs, else the smallest file of the wanted or newest export."""
    by_ref = {choice.ref: choice for choice in choices}
    wanted = st.query_params.get("export") or choices[0].export.id
    good = [choice for choice in choices if choice.export.id == wanted and choice.file.verified] or list(choices)
    running = [
        ref for ref in by_ref if ref in servers and (not st.query_params.get("export") or ref.startswith(wanted))
    ]
    first = running[0] if running else min(good, key=lambda choice: choice.file.bytes).ref
    ref = st.selectbox(
        t("chat_page.model"),
        list(by_ref),
        index=list(by_ref).index(first),
        format_func=lambda ref: label_of(by_ref[ref]),
        key="chat-model",
    )
    return by_ref[ref]


def start_button(app: App, choice: Choice, *, busy: bool) -> None:
    """Draw the main action while no server runs; a file that failed its checks needs an explicit yes."""
    allowed = choice.file.verified
    if not choice.file.verified:
        st.warning(t("chat_page.unverified"), icon=":material/warning:")
        allowed = st.checkbox(t("chat_page.use_unverified"), key=f"allow-{choice.ref}")
    clicked = st.button(
        t("chat_page.start"),
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=busy or not allowed,
    )
    if clicked:
        started = False
        with errors_are_shown():
            start_server(app.workspace, choice.ref, allow_unverified=not choice.file.verified)
            started = True
        if started:
            st.rerun()


def draw_jobs(found: list[JobStatus]) -> None:
    """Draw the server while it loads, or why it could not start."""
    if any(not job.ended for job in found):
        st.info(t("chat_page.loading"), icon=":material/hourglass_top:")
    for job in found:
        job_card(job)


def answers_or_ended(job: JobStatus) -> bool:
    """Tell whether a server answers now, or never will."""
    try:
        return job.ended or find_server(job.folder) is not None
    except MacTunerError:
        return True


@dataclass(frozen=True)
class Manner:
    """How to ask: the sampling, the system prompt, and whether what was said before is sent along."""

    sampling: Sampling
    system_prompt: str
    with_history: bool


def parameters(app: App, choice: Choice) -> Manner:
    """Draw how to ask. A model that learned by heart answers best without chance and to one question at a time."""
    by_heart = app.catalog.model(choice.export.model_id).source == "starter"
    key = choice.export.id
    system_prompt = st.text_area(
        t("chat_page.system_prompt"), trained_prompt(app, choice), height=90, key=f"system-{key}",
        help=t("chat_page.system_prompt_help"),
    )  # fmt: skip
    temperature = st.slider(
        t("chat_page.temperature"), 0.0, 2.0, 0.0 if by_heart else 0.7, 0.05, key=f"temperature-{key}",
        help=t("chat_page.temperature_help"),
    )  # fmt: skip
    with_history = st.toggle(
        t("chat_page.history"), not by_heart, key=f"history-{key}", help=t("chat_page.history_help")
    )
    with st.expander(t("ui.advanced"), icon=":material/tune:"):
        top_p = st.slider(
            t("chat_page.top_p"), 0.05, 1.0, 1.0, 0.05, key=f"top-p-{key}", help=t("chat_page.top_p_help")
        )
        max_tokens = st.number_input(t("chat_page.max_tokens"), 1, 32768, 512, key=f"max-tokens-{key}")
        seed = st.number_input(
            t("chat_page.seed"), 0, 2**31 - 1, None, key=f"seed-{key}", placeholder=t("chat_page.seed_any")
        )
    sampling = Sampling(max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
    return Manner(sampling, system_prompt.strip(), with_history)


def trained_prompt(app: App, choice: Choice) -> str:
    """Return the system prompt that the model was trained with."""
    if not choice.export.run_id:
        return ""
    return system_prompt_of(app.catalog.dataset(app.catalog.run(choice.export.run_id).dataset_id, removed=True))


def address(server: Server) -> None:
    """Draw where the server answers and how any OpenAI client reaches it."""
    with st.expander(t("chat_page.address"), icon=":material/link:"):
        st.code(server.url, language=None)
        st.caption(t("chat_page.snippet_about"))
        st.code(t("chat_page.snippet", url=server.url, model=server.models[0]), language="python")
        link_to("serve", t("chat_page.to_serve"), server=server.job_id)


def stop_button(app: App, server: Server) -> None:
    """Draw the button that ends the server."""
    if st.button(t("chat_page.stop"), icon=":material/stop_circle:", width="stretch"):
        with errors_are_shown():
            jobs.request_stop(app.workspace.jobs / server.job_id, STOP_GRACE_S)
        st.rerun()


def conversation(server: Server, manner: Manner) -> None:
    """Draw the conversation, take the next question and let the answer grow."""
    messages: list[dict[str, Any]] = st.session_state.setdefault(CONVERSATIONS, {}).setdefault(server.model, [])
    if messages and not messages[-1]["content"] and "figures" not in messages[-1]:
        del messages[-2:]  # stopped before the first word
    box = st.container(height=CHAT_HEIGHT, border=True, autoscroll=True, key="conversation")
    with box:
        if not messages:
            st.caption(t("chat_page.ask_something"), text_alignment="center")
        for message in messages:
            bubble(message)
    question = st.chat_input(t("chat_page.placeholder"), key="question", submit_mode="stop")
    if messages and st.button(t("chat_page.clear"), icon=":material/delete_sweep:", type="tertiary"):
        messages.clear()
        st.rerun()
    if question and question.strip():
        messages.append({"role": "user", "content": question.strip()})
        with box:
            bubble(messages[-1])
            if answer(server, manner, messages):
                st.rerun()


def bubble(message: dict[str, Any]) -> None:
    """Draw one message; under an answer stands how fast it came."""
    with st.chat_message(message["role"], avatar=AVATARS[message["role"]]):
        if message["role"] == "user":
            st.text(message["content"])
            return
        if message["content"]:
            st.markdown(answer_markdown(message["content"]))
        else:
            st.caption(t("chat_page.no_words"))
        if figures := message.get("figures"):
            st.caption(t("chat_page.figures", **figures, duration=human_duration(message["seconds"], language())))


def answer(server: Server, manner: Manner, messages: list[dict[str, Any]]) -> bool:
    """Ask the server, draw the answer as it comes and tell whether it came; what came before a stop is kept."""
    sent = [{"role": "system", "content": manner.system_prompt}] if manner.system_prompt else []
    said = messages if manner.with_history else messages[-1:]
    sent += [{"role": message["role"], "content": message["content"]} for message in said]
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    messages.append(message)
    with st.chat_message("assistant", avatar=AVATARS["assistant"]):
        place = st.empty()
        place.caption(t("chat_page.thinking"))

        def grow(piece: str) -> None:
            message["content"] += piece
            place.markdown(answer_markdown(message["content"]))

        try:
            found = ask_server(server, sent, manner.sampling, grow)
        except MacTunerError as problem:
            del messages[-2:]  # the question goes too: many templates refuse two in a row
            place.empty()
            show_error(problem)
            return False
    speed = f"{found.tokens / found.seconds:,.0f}" if found.seconds else "–"
    message |= {"figures": {"tokens": found.tokens, "speed": speed}, "seconds": found.seconds}
    return True


show("chat", main)
