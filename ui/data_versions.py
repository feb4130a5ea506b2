"""The saved versions: where each came from, its rows and figures, what is made of it, and its removal."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.config import read_yaml
from mactuner_core.data.dataset import SPLITS, saved_rows
from mactuner_core.data.removing import remove_version, users_of
from mactuner_core.data.rows import Example, Rejected
from mactuner_core.workspace import Workspace
from ui.data_compare import compare_with
from ui.data_draft import recall, remember
from ui.data_export import export_box
from ui.data_figures import version_figures
from ui.data_synthesis import synthesis
from ui.data_table import SHOWN_ROWS, TABLE_HEIGHT, example_rows, left_out_table
from ui.errors import errors_are_shown, escaped
from ui.examples import small_table
from ui.language import labels, t
from ui.moments import ago

VIEWS = ("lineage", "rows", "figures", "rejected", "compare", "synthesis", "export")


def history(workspace: Workspace, catalog: Catalog, versions: list[DatasetVersion]) -> None:
    """Draw one of the saved versions; which one, and what of it, is remembered until a newer one is there."""
    kept = recall(workspace, "versions")
    st.subheader(t("data_page.history"), anchor=False)
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left:
        version = choose_version(versions, kept)
    with right:
        remove_button(workspace, catalog, version)
    view = choose_view(version, str(kept.get("view")))
    remember(workspace, "versions", {"newest": versions[0].id, "version": version.id, "view": view})
    with errors_are_shown():
        draw_view(workspace, catalog, version, versions, view)


def choose_version(versions: list[DatasetVersion], kept: dict[str, str]) -> DatasetVersion:
    """Draw the choice of a version: the newest one first, or the one that was looked at last."""
    names = {version.id: f"{version.id} · {ago(version.created_at)}" for version in versions}
    last = kept.get("version") if kept.get("newest") == versions[0].id else None
    chosen = st.selectbox(
        t("data_page.version"),
        list(names),
        index=list(names).index(last) if last in names else 0,
        format_func=names.__getitem__,
        key=f"data-version-{versions[0].id}",
    )
    return next(version for version in versions if version.id == chosen)


def choose_view(version: DatasetVersion, last: str) -> str:
    """Draw what there is to see of a version."""
    left_out = f"{int(version.report.get('rejected_count', 0)):,}"
    names = labels("data_versions.view_", [view for view in VIEWS if view != "rejected"])
    names["rejected"] = t("data_page.tab_rejected", count=left_out)
    chosen = st.segmented_control(
        t("data_versions.view"),
        VIEWS,
        default=last if last in VIEWS else VIEWS[0],
        required=True,
        format_func=names.__getitem__,
        key="data-view",
        label_visibility="collapsed",
        wrap=True,
    )
    return str(chosen or VIEWS[0])


def draw_view(
    workspace: Workspace, catalog: Catalog, version: DatasetVersion, versions: list[DatasetVersion], view: str
) -> None:
    """Draw what was chosen; nothing else is read or counted."""
    if view == "lineage":
        lineage(catalog, version)
    elif view == "rows":
        rows_of(version)
    elif view == "figures":
        version_figures(version)
    elif view == "rejected":
        reasons = {str(code): int(count) for code, count in version.report.get("reasons", {}).items()}
        found = [Rejected(int(row["line"]), str(row["code"]), row["values"]) for row in version.report["rejected"]]
        left_out_table(found, reasons)
    elif view == "compare":
        compare_with(version, [other for other in versions if other.id != version.id])
    elif view == "synthesis":
        synthesis(workspace, catalog, version)
    else:
        export_box(version)


def remove_button(workspace: Workspace, catalog: Catalog, version: DatasetVersion) -> None:
    """Draw the removal: it asks first, and says what was made from the version and what becomes of that."""
    box = st.popover(
        t("data_versions.remove"),
        icon=":material/delete:",
        width="stretch",
        key=f"version-remove-{version.id}",
        on_change="rerun",
    )
    if not box.open:
        return
    with box, errors_are_shown():
        users = users_of(workspace, catalog, version)
        st.markdown(t("data_versions.remove_question", id=escaped(version.id)))
        if made := [*users.models, *users.runs]:
            st.markdown(t("data_versions.remove_made", users=escaped(", ".join(made))))
        st.caption(t("data_versions.remove_stays"))
        if users.jobs:
            st.warning(escaped(t("data_versions.in_use", dataset=version.id, jobs=", ".join(users.jobs))))
        if st.button(
            t("data_versions.remove_yes"), key=f"version-gone-{version.id}", type="primary", disabled=bool(users.jobs)
        ):
            remove_version(workspace, catalog, version.id)
            st.rerun()


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
    if broken := version.report.get("rules"):
        left_out = sum(count for code, count in version.report["reasons"].items() if code.startswith("rules."))
        name = version.recipe["rules"]["name"] or t("data_page.rules")
        rules = [f"{rule} {count:,}" for rule, count in broken.items() if count]
        facts["rules"] = " · ".join([t("data_page.sum_rules", name=name, count=f"{left_out:,}"), *rules])
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
    names = {split: t(f"data_page.{split}") for split in SPLITS}
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
