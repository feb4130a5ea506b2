"""A file whose columns have no known names: which column may be the question and which the answer."""

from __future__ import annotations

import itertools
from pathlib import Path

import streamlit as st

from mactuner_core.data.reading import read_records
from mactuner_core.data.recipe import ReadRecipe
from mactuner_core.data.records import Record, text_format
from mactuner_core.data.rows import Example
from mactuner_core.data.shapes import Mapping, to_example
from mactuner_core.data.text_file import decode, read_raw_file
from ui.data_draft import remember_columns, remembered_columns
from ui.data_table import as_chat
from ui.data_work import Desk
from ui.language import t

LOOKED_AT = 50


def first_records(path: Path) -> list[Record]:
    """Return the first records of a file; raises InputError when it cannot be read."""
    raw = read_raw_file(path)
    source = raw if raw.is_parquet else decode(raw)
    format = "parquet" if raw.is_parquet else text_format(decode(raw))
    some = itertools.islice(read_records(source, format), LOOKED_AT)
    return [record for record in some if isinstance(record, Record)]


def suggested(records: list[Record]) -> tuple[str, str] | None:
    """Return the two columns with the longest texts, in their order; None when there are no two columns with text."""
    columns = list(dict.fromkeys(name for record in records for name in record.fields))
    length = {
        name: sum(len(value) for record in records if isinstance(value := record.fields.get(name), str))
        for name in columns
    }
    longest = sorted((name for name in columns if length[name]), key=lambda name: -length[name])[:2]
    if len(longest) < 2:
        return None
    question, answer = sorted(longest, key=columns.index)
    return question, answer


def choose_columns(desk: Desk) -> None:
    """Ask which columns hold question and answer, show what comes of it, and take it on a click."""
    records = first_records(desk.path)
    columns = list(dict.fromkeys(name for record in records for name in record.fields))
    guess = suggested(records)
    if guess is None:
        st.warning(t("data_page.no_two_columns"), icon=":material/view_column:")
        return
    if known := remembered_columns(desk.workspace, columns):
        desk.change_recipe(read=desk.recipe.read.model_copy(update=known))
    st.info(t("data_page.unsure_columns"), icon=":material/help:")
    both = st.columns(2)
    key = desk.draft.key
    question = both[0].selectbox(
        t("data_page.question_column"), columns, index=columns.index(guess[0]), key=key("choose-question")
    )
    answer = both[1].selectbox(
        t("data_page.answer_column"), columns, index=columns.index(guess[1]), key=key("choose-answer")
    )
    mapping = Mapping("question_answer", question, answer)
    rows = [to_example(record, mapping, ReadRecipe()) for record in records]
    as_chat([row for row in rows if isinstance(row, Example)], 2)
    if st.button(t("data_page.use_columns"), type="primary", icon=":material/check:", key="data-use-columns"):
        remember_columns(desk.workspace, columns, question, answer)
        chosen = {"question_column": question, "answer_column": answer}
        desk.change_recipe(read=desk.recipe.read.model_copy(update=chosen))
