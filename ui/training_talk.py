"""A few questions to a checkpoint or a finished run, on the Training page: transformers answer, in a job of their own.

Nothing is kept: the conversation is that of the browser's session, and the job forgets what was said. The Chat page serves
exported files, with settings and a streamed answer; this is for a look at what a checkpoint has learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from mactuner_core import jobs
from mactuner_core.catalog.tables import Run
from mactuner_core.chat.ask import MAX_TOKENS, ask, start_asking, stop_asking, take_answer
from mactuner_core.data.dataset import system_prompt_of
from mactuner_core.errors import MacTunerError
from mactuner_core.format import human_duration
from ui.errors import escaped, show_error
from ui.examples import AVATARS, answer_markdown
from ui.job_card import REFRESH_S
from ui.language import language, stage_text, t
from ui.page import App

TALK = "training-talk"  # in the session


@dataclass
class Talk:
    """A conversation: with which run or checkpoint, through which job, and whether the last question waits for its answer."""

    run: str
    ref: str
    job_id: str | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0
    waits: bool = False
    problem: MacTunerError | None = None


def talk_button(app: App, run: Run, ref: str, *, key: str) -> None:
    """Draw the button that opens a conversation with a run or a checkpoint; one that is open is closed."""
    if st.button(t("training_talk.open"), icon=":material/forum:", key=key, help=t("training_talk.open_help")):
        close(app)
        st.session_state[TALK] = Talk(run.id, ref)
        st.rerun()


def talk_part(app: App, run: Run) -> None:
    """Draw the open conversation of this run, and look for the answer every second while one is awaited."""
    talk: Talk | None = st.session_state.get(TALK)
    if talk and talk.run == run.id:
        st.fragment(draw, run_every=REFRESH_S if talk.waits else None)(app, run, talk)


def draw(app: App, run: Run, talk: Talk) -> None:
    """Draw one conversation."""
    if talk.waits:
        look(app, run, talk)
        if not talk.waits:
            st.rerun()
    with st.container(border=True, key="talk"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{t('training_talk.title', ref=escaped(talk.ref))}**", width="content")
            if st.button(t("training_talk.close"), key="talk-close", icon=":material/close:", type="tertiary"):
                close(app)
                st.rerun()
        st.caption(t("training_talk.about", tokens=MAX_TOKENS))
        for message in talk.messages:
            bubble(message)
        if talk.waits:
            st.caption(f":material/hourglass_top: {waiting_words(app, talk)}")
        if talk.problem:
            show_error(talk.problem)
        question = st.chat_input(t("training_talk.placeholder"), key="talk-question", disabled=talk.waits)
        if question and question.strip():
            talk.messages.append({"role": "user", "content": question.strip()})
            send(app, run, talk)
            st.rerun()


def send(app: App, run: Run, talk: Talk) -> None:
    """Put the last question to the job, which is started where there is none at work."""
    talk.problem, talk.number = None, talk.number + 1
    with problems_are_kept(talk):
        if talk.job_id is None or jobs.read(app.workspace.jobs / talk.job_id).ended:
            talk.job_id = start_asking(app.workspace, app.catalog, talk.ref)
        ask(app.workspace.jobs / talk.job_id, talk.number, asked(app, run, talk), MAX_TOKENS)
        talk.waits = True


def look(app: App, run: Run, talk: Talk) -> None:
    """Take the answer if it is there; a job that left just before the question came is started again."""
    with problems_are_kept(talk):
        folder = app.workspace.jobs / str(talk.job_id)
        left = jobs.read(folder).ended
        found = take_answer(folder, talk.number)
        if found:
            figures = {
                "tokens": found.tokens,
                "speed": f"{found.tokens / found.seconds:,.0f}" if found.seconds else "–",
            }
            talk.messages.append(
                {"role": "assistant", "content": found.text, "figures": figures, "seconds": found.seconds}
            )
            talk.waits = False
        elif left:
            send(app, run, talk)


@contextmanager
def problems_are_kept(talk: Talk) -> Iterator[None]:
    """Remember what went wrong, so that it is still on the page when that is drawn again; the question is taken back."""
    try:
        yield
    except MacTunerError as problem:
        talk.problem, talk.waits = problem, False
        del talk.messages[-1:]


def asked(app: App, run: Run, talk: Talk) -> list[dict[str, str]]:
    """Return what the model is given: the system prompt it learned with and what was said.

    A model that learned by heart, or plain text, is given the last question alone.
    """
    system = system_prompt_of(app.catalog.dataset(run.dataset_id, removed=True))
    alone = app.catalog.model(run.model_id).source == "starter" or run.config.get("objective") == "pretraining"
    said = talk.messages[-1:] if alone else talk.messages
    start = [{"role": "system", "content": system}] if system else []
    return start + [{"role": message["role"], "content": message["content"]} for message in said]


def waiting_words(app: App, talk: Talk) -> str:
    """Return what the job does now."""
    job = jobs.read(app.workspace.jobs / str(talk.job_id))
    since = human_duration(job.elapsed_s, language())
    return f"{stage_text(job.stage) or t('jobs.stage_starting')} · {t('ui.job_since', duration=since)}"


def bubble(message: dict[str, Any]) -> None:
    """Draw one message; under an answer stands how fast it came."""
    with st.chat_message(message["role"], avatar=AVATARS[message["role"]]):
        if message["role"] == "user":
            st.text(message["content"])
            return
        if message["content"].strip():
            st.markdown(answer_markdown(message["content"]))
        else:
            st.caption(t("chat_page.no_words"))
        st.caption(
            t("chat_page.figures", **message["figures"], duration=human_duration(message["seconds"], language()))
        )


def close(app: App) -> None:
    """End the open conversation, if there is one: its job leaves and forgets it."""
    talk: Talk | None = st.session_state.pop(TALK, None)
    if talk and talk.job_id:
        stop_asking(app.workspace.jobs / talk.job_id)
