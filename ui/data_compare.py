"""What a saved version differs in from another one: added, removed and changed rows."""

from __future__ import annotations

import streamlit as st

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.cleaning.diff import Diff, diff
from mactuner_core.data.dataset import SPLITS, saved_rows
from mactuner_core.data.rows import Example
from ui.data_parts import marked
from ui.data_table import TABLE_HEIGHT, example_rows
from ui.examples import small_table
from ui.language import t

SHOWN_CHANGES = 20
CHANGE_CHARACTERS = 600


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
        [example.as_row() for split in SPLITS for example in saved_rows(version, split)] for version in (_old, _new)
    ]
    return diff(rows[0], rows[1])


def _other(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "messages"}


def _words(row: dict[str, object]) -> str:
    messages = row.get("messages")
    said = [str(message.get("content") or "") for message in messages] if isinstance(messages, list) else []
    return "\n".join(said or [str(value) for value in row.values()])[:CHANGE_CHARACTERS]
