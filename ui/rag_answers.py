"""Checking a model's answers to the questions of a file: asked through a running server, as the chat does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from mactuner_core.chat.answer_trial import FIRST_QUESTIONS, TriedAnswer, shares_of, try_answers
from mactuner_core.chat.ask_documents import DocumentsAnswer, ask_documents
from mactuner_core.chat.server_process import Server
from mactuner_core.chat.talk import Sampling
from ui.errors import escaped, sentence_of
from ui.examples import small_table
from ui.language import language, t
from ui.rag_measured import MOST_MISSED, download


@dataclass
class Answers:
    """The answers of the model `name` to the first `wanted` questions; `tried` grows while they are asked."""

    name: str
    server: Server
    wanted: int
    tried: list[TriedAnswer] = field(default_factory=list)


def choose_answers(names: dict[str, Server], questions: int, key: str) -> Answers | None:
    """Draw which of the models `names` is asked how many of the questions, and return it once the button is pressed."""
    with st.expander(t("rag_page.answers"), icon=":material/fact_check:"):
        if not names:
            st.caption(t("rag_page.answers_no_server"))
            return None
        name = st.selectbox(
            t("rag_page.model"), list(names), key=f"{key}-answers-model-{'-'.join(names)}",
            help=t("rag_page.model_help"),
        )  # fmt: skip
        most = max(1, questions)
        wanted = st.number_input(
            t("rag_page.answers_count"), 1, most, min(FIRST_QUESTIONS, most), key=f"{key}-answers-count-{most}",
            help=t("rag_page.answers_count_help"), disabled=not questions,
        )  # fmt: skip
        pressed = st.button(
            t("rag_page.answers_start"), icon=":material/play_arrow:", width="stretch", key=f"{key}-answers",
            help=t("rag_page.answers_help"), disabled=not questions,
        )  # fmt: skip
    return Answers(name, names[name], int(wanted)) if pressed else None


def ask_them(answers: Answers, questions: Sequence[str], place: Any) -> None:
    """Ask the questions one after another, with the progress at `place`; what is answered stays when the page is left."""

    def ask(question: str) -> DocumentsAnswer:
        return ask_documents(answers.server, answers.name, [{"role": "user", "content": question}], Sampling())

    place.progress(0.0, t("rag_page.answers_asking", done=0, total=answers.wanted))
    for done, one in enumerate(try_answers(questions[: answers.wanted], ask), start=1):
        answers.tried.append(one)
        place.progress(done / answers.wanted, t("rag_page.answers_asking", done=done, total=answers.wanted))


def draw_answers(answers: Answers, name: str) -> None:
    """Draw the shares, and each answer that did not pass with the reasons."""
    st.markdown(f"**{t('rag_page.answers')}** :gray[{escaped(answers.name)}]")
    tried = answers.tried
    if len(tried) < answers.wanted:
        st.caption(t("rag_page.answers_partly", done=len(tried), total=answers.wanted))
    if failed := sum(one.problem is not None for one in tried):
        st.warning(t("rag_page.answers_failed", count=failed), icon=":material/warning:")
    if not tried:
        return
    measure, share = t("rag_page.column_measure"), t("rag_page.answers_share")
    small_table([{measure: t(f"rag_check.share_{one}"), share: found} for one, found in shares_of(tried).items()])
    st.caption(t("rag_page.answers_share_about"))
    if wrong := [one for one in tried if not one.passed]:
        with st.expander(t("rag_page.answers_not_passed", count=len(wrong)), icon=":material/rule:"):
            for one in wrong[:MOST_MISSED]:
                st.markdown(f"- {escaped(one.question)} :gray[{escaped(' · '.join(reasons_of(one)))}]")
            if len(wrong) > MOST_MISSED:
                st.caption(t("rag_page.missed_more", count=len(wrong) - MOST_MISSED))
    download("answers", [row_of(one) for one in tried], f"{name}-answers.csv")


def reasons_of(one: TriedAnswer) -> list[str]:
    """Return in words why an answer did not pass, or why there is none."""
    return [sentence_of(one.problem)] if one.problem else one.reasons(language())


def row_of(one: TriedAnswer) -> dict[str, object]:
    """Return a question as a line of the file."""
    reasons = "; ".join(reasons_of(one))
    return {"question": one.question, "answer": one.answer, "passed": one.passed, "reasons": reasons}
