"""The saved versions: where each came from, its rows, what it differs in from another, and copies for other programs."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import streamlit as st

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.config import read_yaml
from mactuner_core.data.cleaning.diff import Diff, diff
from mactuner_core.data.dataset import saved_rows
from mactuner_core.data.formats import FORMATS, Format, Split, default_path, export_dataset
from mactuner_core.data.rows import Example, Rejected
from ui.data_parts import marked
from ui.data_table import SHOWN_ROWS, TABLE_HEIGHT, example_rows, left_out_table
from ui.errors import errors_are_shown
from ui.examples import small_table
from ui.language import labels, t
from ui.moments import ago

SHOWN_CHANGES = 20
CHANGE_CHARACTERS = 600
SPLITS: tuple[Split, ...] = ("all", "train", "validation")


def history(catalog: Catalog, versions: list[DatasetVersion]) -> None:
    """Draw one of the saved versions."""
    st.subheader(t("data_page.history"), anchor=False)
    names = {version.id: f"{version.id} · {ago(version.created_at)}" for version in versions}
    chosen = st.selectbox(
        t("data_page.version"), list(names), format_func=names.__getitem__, key=f"data-version-{versions[0].id}"
    )
    version = next(version for version in versions if version.id == chosen)
    left_out = int(version.report.get("rejected_count", 0))
    tabs = [t("data_page.tab_lineage"), t("data_page.tab_rows"), t("data_page.tab_rejected", count=f"{left_out:,}")]
    facts, rows, rejected, compare, export = st.tabs([*tabs, t("data_page.tab_compare"), t("data_page.tab_export")])
    with facts:
        lineage(catalog, version)
    with rows, errors_are_shown():
        rows_of(version)
    with rejected:
        reasons = {str(code): int(count) for code, count in version.report.get("reasons", {}).items()}
        found = [Rejected(int(row["line"]), str(row["code"]), row["values"]) for row in version.report["rejected"]]
        left_out_table(found, reasons)
    with compare, errors_are_shown():
        compare_with(version, [other for other in versions if other.id != version.id])
    with export, errors_are_shown():
        export_box(version)


def lineage(catalog: Catalog, version: DatasetVersion) -> None:
    """Draw where a version came from and what was made from it."""
    models = [model.id for model in catalog.models() if model.dataset_id == version.id]
    runs = [run.id for run in catalog.runs() if run.dataset_id == version.id]
    steps = [t(f"cleaning.step_{step['step']}") for step in version.recipe.get("clean") or ()]
    privacy = version.report.get("privacy")
    hidden = sum(privacy["counts"].values()) if privacy else 0
    facts = {
        "source": version.source_name,
        "rows": t("data_page.split_rows", train=f"{version.train_rows:,}", validation=f"{version.validation_rows:,}"),
        "clean": " → ".join(steps) or t("data_page.sum_no_steps"),
        "protect": t("data_page.sum_masked", count=f"{hidden:,}") if privacy else t("data_page.sum_not_masked"),
        "sha256": version.source_sha256,
        "folder": version.path,
        "made": ", ".join([*models, *runs]) or "–",
    }
    key, value = t("data_page.fact"), t("data_page.value")
    small_table([{key: t(f"data_page.fact_{name}"), value: words} for name, words in facts.items()])
    recipe = Path(version.path) / "recipe.yaml"
    if recipe.is_file():
        with st.expander(t("data_page.recipe_yaml"), icon=":material/receipt_long:"), errors_are_shown():
            read_yaml(recipe)
            words = recipe.read_text(encoding="utf-8")
            st.code(words, language="yaml", height=240)
            name = f"{version.name}-v{version.number}.recipe.yaml"
            st.download_button(
                t("data_page.recipe_download"), words, name, icon=":material/download:", key="version-recipe"
            )


def rows_of(version: DatasetVersion) -> None:
    """Draw the first rows of one side."""
    names = {"train": t("data_page.train"), "validation": t("data_page.validation")}
    split = st.segmented_control(
        t("data_page.part"), names, format_func=names.__getitem__, default="train", required=True, key="data-split"
    )
    rows = kept_rows(version, version.path, str(split or "train"))
    small_table(example_rows(rows[:SHOWN_ROWS]), height=TABLE_HEIGHT if len(rows) > 5 else None)
    if len(rows) > SHOWN_ROWS:
        st.caption(t("data_page.first_rows", shown=SHOWN_ROWS, rows=f"{len(rows):,}"))


@st.cache_resource(max_entries=4, show_spinner=False)
def kept_rows(_version: DatasetVersion, path: str, split: str) -> list[Example]:
    """Return the rows of a saved version, which never change."""
    return list(saved_rows(_version, split))


def compare_with(version: DatasetVersion, others: list[DatasetVersion]) -> None:
    """Let a person choose an older version, and draw what was added, removed and changed since."""
    if not others:
        st.caption(t("data_page.nothing_to_compare"))
        return
    names = {other.id: other for other in others}
    same = [other.id for other in others if other.name == version.name and other.number < version.number]
    start = list(names).index(same[0]) if same else None
    chosen = st.selectbox(
        t("data_page.compare_with"),
        list(names),
        index=start,
        placeholder=t("data_page.compare_placeholder"),
        key=f"data-compare-{version.id}",
    )
    if chosen is None:
        return
    other = names[chosen]
    found = difference(other, version, other.id, version.id)
    columns = st.columns(4)
    for column, (name, count) in zip(columns, found.counts().items(), strict=True):
        column.metric(t(f"data_page.diff_{name}"), f"{count:,}")
    for name, rows in (("removed", found.removed), ("added", found.added)):
        if rows:
            st.markdown(f"**{t(f'data_page.diff_{name}')}**")
            examples = [Example(0, row.get("messages", []), _other(row)) for row in rows[:SHOWN_CHANGES]]
            table = [dict(list(cells.items())[1:]) for cells in example_rows(examples)]
            small_table(table, height=TABLE_HEIGHT if len(table) > 5 else None)
    if found.changed:
        st.markdown(f"**{t('data_page.diff_changed')}**")
    for old, new in found.changed[:SHOWN_CHANGES]:
        before, after = st.columns(2)
        words = marked(_words(old), _words(new))
        before.markdown(words[0])
        after.markdown(words[1])


@st.cache_resource(max_entries=4, show_spinner=False)
def difference(_old: DatasetVersion, _new: DatasetVersion, old: str, new: str) -> Diff:
    """Return what two versions differ in, both sides together."""
    rows = [
        [example.as_row() for split in ("train", "validation") for example in saved_rows(version, split)]
        for version in (_old, _new)
    ]
    return diff(rows[0], rows[1])


def export_box(version: DatasetVersion) -> None:
    """Draw the formats, and the copy when it was made."""
    left, right = st.columns(2)
    formats, parts = labels("data_page.format_", FORMATS), labels("data_page.", SPLITS)
    format = left.selectbox(
        t("data_page.export_format"),
        FORMATS,
        format_func=formats.__getitem__,
        key="data-export-format",
    )
    split = right.selectbox(t("data_page.part"), SPLITS, format_func=parts.__getitem__, key="data-export-split")
    made = st.session_state.setdefault("data-exports", {})
    place = f"{version.id} {format} {split}"
    if st.button(t("data_page.export_make"), icon=":material/inventory_2:", key="data-export"):
        with st.spinner(t("data_page.exporting")):
            made.clear()
            made[place] = export_bytes(version, split, format)
    if place in made:
        name, content, left_out = made[place]
        if left_out:
            st.warning(t("data_page.export_left_out", count=f"{left_out:,}"), icon=":material/info:")
        st.download_button(
            t("data_page.export_download", name=name), content, name, icon=":material/download:", key="data-download"
        )


def export_bytes(version: DatasetVersion, split: Split, format: Format) -> tuple[str, bytes, int]:
    """Return name and bytes of a copy (a folder as zip), and how many rows did not fit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / default_path(version, split, format).name
        done = export_dataset(version, split, format, path)
        left_out = sum(len(rows) for rows in done.left_out.values())
        if path.is_file():
            return path.name, path.read_bytes(), left_out
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(Path(folder)))
        return f"{path.name}.zip", packed.getvalue(), left_out


def _other(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "messages"}


def _words(row: dict[str, object]) -> str:
    messages = row.get("messages")
    said = [str(message.get("content") or "") for message in messages] if isinstance(messages, list) else []
    return "\n".join(said or [str(value) for value in row.values()])[:CHANGE_CHARACTERS]
