"""Measuring a collection with questions whose sources are known: its search as it is set and in every combination, and answers."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from mactuner_core.chat.server_process import Server
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.config import SearchConfig
from mactuner_core.rag.evaluate import KS, Question, Report, evaluate
from mactuner_core.rag.grid import Row
from mactuner_core.rag.question_file import FileSource, check_documents, hit_matches, read_questions
from ui.errors import errors_are_shown
from ui.forms import settings_form
from ui.language import t
from ui.page import App, main_and_settings
from ui.rag_answers import Answers, ask_them, choose_answers, draw_answers
from ui.rag_files import as_file
from ui.rag_grid import ask_grid, compare
from ui.rag_measured import draw_grid, draw_report

ENDINGS = ("csv", "tsv", "jsonl", "json")
MEASURED = "documents-measured"  # in the session: the results of the questions that were measured last
Questions = list[Question[FileSource]]


@dataclass
class Measured:
    """What was measured with one file of questions on one state of a collection."""

    mark: tuple[object, ...]
    method: str = ""
    report: Report[FileSource] | None = None
    rows: list[Row] = field(default_factory=list)
    answers: Answers | None = None


def measure_area(app: App, collection: Collection, facts: Mapping[str, Any], names: dict[str, Server]) -> None:
    """Draw the questions, what to measure with them, and the results; `names` are the models that answer now."""
    left, right = main_and_settings()
    key = f"documents-measure-{collection.name}"
    with left:
        given = st.file_uploader(
            t("rag_page.questions"), type=ENDINGS, key=f"{key}-questions", help=t("rag_page.questions_help")
        )
        questions = read(app, collection, given.name, given.getbuffer()) if given else []
        if not given:
            example(collection, key)
        place = st.empty()  # for the progress
    with right:
        form = settings_form(SearchConfig, key, leave_out=("top_k", "min_score", "window"))
        config = form.check(SearchConfig, top_k=max(KS), min_score=0.0)
        measure = st.button(
            t("rag_page.measure"), type="primary", icon=":material/speed:", width="stretch", key=f"{key}-measure",
            help=t("rag_page.measure_help"), disabled=not (questions and config),
        )  # fmt: skip
        with st.expander(t("rag_page.grid"), icon=":material/grid_on:"):
            wanted = ask_grid(facts, key)
            grid = st.button(
                t("rag_page.grid_start"), icon=":material/play_arrow:", width="stretch", key=f"{key}-grid",
                help=t("rag_page.grid_help"), disabled=not (questions and config and wanted),
            )  # fmt: skip
        answers = choose_answers(names, len(questions), key)
    if not given or not config:
        return
    result = result_of((collection.name, facts["updated_at"], hashlib.sha256(given.getbuffer()).hexdigest()))
    with left, errors_are_shown():
        if measure:
            result.report, result.method = ask_all(collection, questions, config, telling(place)), config.method
        if grid and wanted:
            result.rows = compare(app, collection, questions, config, wanted, telling(place))
        if answers:
            result.answers = answers
            ask_them(answers, [one.question for one in questions], place)
        place.empty()
        if result.report:
            draw_report(result.report, result.method, collection.name)
        if result.rows:
            draw_grid(result.rows, collection.name)
        if result.answers:
            draw_answers(result.answers, collection.name)
        if questions and not result.report and not result.rows and not result.answers:
            st.info(t("rag_page.measure_about", count=len(questions)), icon=":material/speed:")


def read(app: App, collection: Collection, name: str, content: memoryview) -> Questions:
    """Return the questions of an uploaded file, none after saying what is wrong with it."""
    with errors_are_shown():
        with as_file(app.workspace, name, content) as path:
            questions = read_questions(path)
        check_documents(questions, [one.name for one in collection.documents()])
        return questions
    return []


def ask_all(
    collection: Collection, questions: Questions, config: SearchConfig, told: Callable[[int, int], None]
) -> Report[FileSource]:
    """Ask every question as the search is set."""
    told(0, len(questions))
    return evaluate(lambda one: collection.search(one, config), questions, matches=hit_matches, on_progress=told)


def result_of(mark: tuple[object, ...]) -> Measured:
    """Return what was measured with these questions on this state of the collection, or a place for it."""
    kept = st.session_state.get(MEASURED)
    if not isinstance(kept, Measured) or kept.mark != mark:
        kept = st.session_state[MEASURED] = Measured(mark)
    return kept


def telling(place: Any) -> Callable[[int, int], None]:
    """Return what shows how far it is; of many questions every tenth, so that the page does not cost more than the search."""

    def told(done: int, total: int) -> None:
        if total < 50 or done % 10 == 0 or done == total:
            place.progress(done / total, t("rag_page.measuring", done=f"{done:,}", total=f"{total:,}"))

    return told


def example(collection: Collection, key: str) -> None:
    """Say what a file of questions looks like, with a document of this collection, to save and to fill."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(("question", "document", "page"))
    lines.writerow((t("rag_page.question_example"), collection.documents()[0].name, 1))
    with st.container(border=True):
        st.markdown(t("rag_page.questions_about"))
        st.code(written.getvalue(), language=None, wrap_lines=True)
        st.download_button(
            t("rag_page.questions_example"), written.getvalue().encode("utf-8-sig"), "questions.csv",
            icon=":material/download:", key=f"{key}-example", on_click="ignore", help=t("rag_page.questions_example_help"),
        )  # fmt: skip
