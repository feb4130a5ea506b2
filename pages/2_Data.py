"""Data: a file of examples is looked at, split and saved as a dataset version; earlier versions are below."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import streamlit as st

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.dataset import read_examples
from mactuner_core.data.importing import import_file
from mactuner_core.data.inspect import Inspection
from mactuner_core.data.recipe import ReadRecipe, Recipe
from mactuner_core.data.splitting import SplitRecipe
from mactuner_core.data.rows import Message
from mactuner_core.errors import InputError
from ui.errors import errors_are_shown, escaped
from ui.examples import conversation, small_table
from ui.forms import Form, settings_form
from ui.language import language, t
from ui.moments import ago
from ui.navigation import go_button
from ui.page import App, header, main_and_settings, show
from ui.uploads import Chosen, choose_file, inspected, on_disk

STEPS = ("load", "understand", "split", "save")
SHOWN_EXAMPLES = 3
SHOWN_ROWS = 100
TABLE_HEIGHT = 320
EXAMPLES_HEIGHT = 460
SAVED = "data-saved"


def main(app: App) -> None:
    """Draw the page."""
    versions = app.catalog.dataset_versions()
    header("data", t("data_page.sentence"), t("data_page.chip", count=len(versions)), "blue" if versions else "gray")
    note = st.container()
    steps = st.container(horizontal=True, gap="small")
    left, right = main_and_settings()
    with left:
        chosen = choose_file()
    found, just_saved = None, False
    if chosen:
        with note:
            just_saved = saved_note(app, chosen)
        with right:
            recipe, name = settings(app, chosen)
        with left, errors_are_shown():
            found = look(app, chosen, recipe) if recipe else None
        with right:
            save_button(app, chosen, recipe, name, found, main_action=not just_saved)
    else:
        with right:
            st.info(t("data_page.what_file"), icon=":material/lightbulb:")
    with steps:
        draw_steps(len(STEPS) if just_saved else 2 if found else 0)
    if versions:
        st.divider()
        history(app, list(versions))


def draw_steps(reached: int) -> None:
    """Draw the four steps, those behind ticked and the present one lit."""
    for number, step in enumerate(STEPS):
        label = t(f"data_page.step_{step}")
        if number < reached:
            st.badge(label, icon=":material/check:", color="green")
        else:
            st.badge(label, color="blue" if number == reached else "gray")


def saved_note(app: App, chosen: Chosen) -> bool:
    """Say that the chosen file was saved, lead on, and tell whether it was."""
    version_id = st.session_state.get(SAVED, {}).get(chosen.mark)
    if not version_id:
        return False
    version = app.catalog.dataset(version_id)
    rows = {"train": version.train_rows, "validation": version.validation_rows}
    st.success(t("data_page.saved", id=escaped(version.id), **rows), icon=":material/check_circle:")
    target = "training" if app.catalog.models() else "models"
    go_button(target, t(f"data_page.next_{target}"), key="data-next")
    return True


def settings(app: App, chosen: Chosen) -> tuple[Recipe | None, str]:
    """Draw the name and the recipe and return them; the recipe is None while something in it is wrong."""
    st.subheader(t("data_page.settings"), anchor=False)
    name = st.text_input(t("data_page.name"), plain_name(chosen.name), key=f"data-name-{chosen.mark}", max_chars=64)
    columns = columns_of(app, chosen)
    picked: dict[str, str | None] = {}
    if columns is not None:
        for column in ("question_column", "answer_column"):
            picked[column] = st.selectbox(
                t(f"data_page.{column}"),
                columns,
                index=None,
                placeholder=t("data_page.by_name"),
                accept_new_options=True,
                key=f"data-{column}-{chosen.mark}",
            )
    form: Form = settings_form(ReadRecipe, f"data-{chosen.mark}", leave_out=("question_column", "answer_column"))
    read, split = (
        form.check(ReadRecipe, **picked),
        settings_form(SplitRecipe, f"data-split-{chosen.mark}").check(SplitRecipe),
    )
    return Recipe(read=read, split=split) if read and split else None, name.strip()


def columns_of(app: App, chosen: Chosen) -> list[str] | None:
    """Return the columns to choose from, also where none has a known name; None for chat messages and unreadable files."""
    try:
        reading = inspected(app.workspace, chosen, Recipe()).reading
    except InputError as problem:
        return str(problem.values["columns"]).split(", ") if problem.code == "data.no_known_column" else None
    return reading.columns if reading.mapping and reading.mapping.shape == "question_answer" else None


def look(app: App, chosen: Chosen, recipe: Recipe) -> Inspection:
    """Draw what is in the file: figures, examples, all rows, and the rows that cannot be used."""
    found = inspected(app.workspace, chosen, recipe)
    figures = st.columns(4)
    figures[0].metric(t("data_page.format"), found.reading.format.upper(), help=t(f"data_page.shape_{found.shape}"))
    figures[1].metric(t("data_page.encoding"), found.reading.encoding.upper())
    figures[2].metric(t("data_page.usable"), f"{found.usable:,}")
    figures[3].metric(t("data_page.rejected"), f"{found.rejected_count:,}")
    examples, rows, rejected = st.tabs(
        [t("data_page.tab_examples"), t("data_page.tab_rows"), t("data_page.tab_rejected", count=found.rejected_count)]
    )
    with examples, st.container(height=EXAMPLES_HEIGHT, border=False, key="examples"):
        for messages in found.preview(SHOWN_EXAMPLES):
            with st.container(border=True):
                conversation(messages)
    with rows:
        rows_table([example.messages for example in found.examples], [example.line for example in found.examples])
    with rejected:
        if not found.rejected:
            st.caption(t("data_page.none_rejected"))
        else:
            st.caption(t("data_page.why_rejected"))
            rejected_table([(row.line, row.text(language())) for row in found.rejected])
    return found


def rows_table(rows: list[list[Message]], lines: list[int] | None = None) -> None:
    """Draw the first rows with what was said last by the person and by the model."""
    table = []
    for number, messages in enumerate(rows[:SHOWN_ROWS]):
        said = {message["role"]: message["content"] for message in messages}
        first = {t("data_page.line"): lines[number]} if lines else {t("data_page.row"): number + 1}
        table.append(
            {**first, t("data_page.question"): said.get("user", ""), t("data_page.answer"): said.get("assistant", "")}
        )
    if len(rows) > SHOWN_ROWS:
        st.caption(t("data_page.first_rows", shown=SHOWN_ROWS, rows=len(rows)))
    if table:
        small_table(table, height=TABLE_HEIGHT)


def rejected_table(rows: list[tuple[int, str]]) -> None:
    """Draw line and reason of each row that was left out."""
    small_table(
        [{t("data_page.line"): line, t("data_page.reason"): reason} for line, reason in rows[:SHOWN_ROWS]],
        height=TABLE_HEIGHT if len(rows) > 6 else None,
    )
    if len(rows) > SHOWN_ROWS:
        st.caption(t("data_page.first_rows", shown=SHOWN_ROWS, rows=len(rows)))


def save_button(
    app: App, chosen: Chosen, recipe: Recipe | None, name: str, found: Inspection | None, *, main_action: bool
) -> None:
    """Draw the main action; it makes the dataset version and reloads the page."""
    ready = bool(recipe and found and found.examples and name)
    kind: Literal["primary", "secondary"] = "primary" if main_action else "secondary"
    if not st.button(t("data_page.save"), type=kind, icon=":material/save:", disabled=not ready, width="stretch"):
        return
    with errors_are_shown(), st.spinner(t("data_page.saving")):
        with on_disk(app.workspace, chosen) as path:
            version = import_file(app.workspace, app.catalog, path, name, recipe, source_name=chosen.name)
        st.session_state[SAVED] = {chosen.mark: version.id}
        st.rerun()


def history(app: App, versions: list[DatasetVersion]) -> None:
    """Draw one of the saved versions: where it came from, its rows, what was left out, what was made from it."""
    st.subheader(t("data_page.history"), anchor=False)
    labels = {version.id: f"{version.id} · {ago(version.created_at)}" for version in versions}
    chosen = st.selectbox(t("data_page.version"), list(labels), format_func=labels.__getitem__, key="data-version")
    version = next(version for version in versions if version.id == chosen)
    facts, rows, rejected = st.tabs(
        [t("data_page.tab_lineage"), t("data_page.tab_rows"), t("data_page.tab_rejected", count=_left_out(version))]
    )
    with facts:
        lineage(app, version)
    with rows, errors_are_shown():
        names = {"train": t("data_page.train"), "validation": t("data_page.validation")}
        split = st.segmented_control(
            t("data_page.split"), names, format_func=names.__getitem__, default="train", required=True, key="data-split"
        )
        rows_table(saved_rows(version, version.path, "validation" if split == "validation" else "train"))
    with rejected:
        reasons = [InputError(str(row["code"]), **row["values"]).text(language()) for row in version.report["rejected"]]
        if reasons:
            lines = [int(row["line"]) for row in version.report["rejected"]]
            rejected_table(list(zip(lines, reasons, strict=True)))
        else:
            st.caption(t("data_page.none_rejected"))


def lineage(app: App, version: DatasetVersion) -> None:
    """Draw where a version came from and what was made from it."""
    models = [model.id for model in app.catalog.models() if model.dataset_id == version.id]
    runs = [run.id for run in app.catalog.runs() if run.dataset_id == version.id]
    recipe = ", ".join(f"{name}={value}" for name, value in version.recipe.items() if value)
    facts = {
        "source": version.source_name,
        "rows": t("data_page.split_rows", train=version.train_rows, validation=version.validation_rows),
        "recipe": recipe,
        "sha256": version.source_sha256,
        "folder": version.path,
        "made": ", ".join([*models, *runs]) or "–",
    }
    key, value = t("data_page.fact"), t("data_page.value")
    small_table([{key: t(f"data_page.fact_{name}"), value: words} for name, words in facts.items()])


@st.cache_resource(max_entries=4, show_spinner=False)
def saved_rows(_version: DatasetVersion, path: str, split: Literal["train", "validation"]) -> list[list[Message]]:
    """Return the rows of a saved version, which never change."""
    return read_examples(_version, split)


def plain_name(file_name: str) -> str:
    """Return the file's name without its ending, with '-' for what a dataset's name may not hold."""
    return re.sub(r"[^\w.\-]+", "-", Path(file_name).stem).strip("-._")[:64] or "data"


def _left_out(version: DatasetVersion) -> int:
    return int(version.report["rejected_count"])


show("data", main)
