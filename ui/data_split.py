"""Step 5, Split: training and validation rows, and the rows held against the rules of a file."""

from __future__ import annotations

import hashlib

import streamlit as st

from mactuner_core.data.rules.check import RuleReport, check
from mactuner_core.data.rules.ruleset import RuleSet
from mactuner_core.data.splitting import SplitRecipe
from mactuner_core.errors import MacTunerError
from mactuner_core.workspace import write_text
from ui.data_draft import in_own_words
from ui.data_parts import next_button
from ui.data_work import Desk
from ui.errors import errors_are_shown
from ui.examples import small_table
from ui.forms import settings_form
from ui.language import language, t
from ui.page import main_and_settings
from ui.uploads import SAMPLES

SAMPLE_RULES = SAMPLES / "big_five_rules.yaml"
SHOWN_FAILURES = 100
TABLE_HEIGHT = 300


def split_step(desk: Desk) -> list[int] | None:
    """Draw the step, and return the rows that break a rule when a person wants to see only those."""
    left, right = main_and_settings()
    with right:
        st.subheader(t("data_page.settings"), anchor=False)
        with errors_are_shown():
            settings(desk)
        next_button("save")
    rows: list[int] | None = None
    with left:
        with errors_are_shown(), st.spinner(t("data_page.splitting")):
            figures(desk)
        with st.container(border=True, key="rules"), errors_are_shown():
            rows = rules_box(desk)
    return rows


def settings(desk: Desk) -> None:
    """Draw how the rows are divided, and keep it."""
    present = desk.settled().split
    leave_out = () if present.method == "stratified" else ("stratify_by",)
    form = settings_form(SplitRecipe, desk.draft.key("split"), values=present.model_dump(), leave_out=leave_out)
    checked = form.check(SplitRecipe)
    if checked is not None:
        desk.change_recipe(split=checked)


def figures(desk: Desk) -> None:
    """Draw the rows of both sides, and how many stand where they do because of a near duplicate."""
    parts = desk.parts()
    rows = len(parts.train) + len(parts.validation)
    columns = st.columns(3)
    columns[0].metric(t("data_page.train"), f"{len(parts.train):,}", help=f"{len(parts.train) / rows:.1%}")
    columns[1].metric(
        t("data_page.validation"), f"{len(parts.validation):,}", help=f"{len(parts.validation) / rows:.1%}"
    )
    columns[2].metric(t("data_page.moved"), f"{parts.moved:,}", help=t("data_page.moved_help"))
    st.progress(len(parts.train) / rows)


def rules_box(desk: Desk) -> list[int] | None:
    """Draw the choice of rules and what they say."""
    st.markdown(f":material/rule: **{t('data_page.rules')}**")
    st.caption(t("data_page.rules_help"))
    if not desk.draft.rules:
        given = st.file_uploader(t("data_page.rules_upload"), type=("yaml", "yml"), key=desk.draft.key("rules-file"))
        if given is not None:
            desk.change(rules=given.getvalue().decode("utf-8", errors="replace"))
        if st.button(t("data_page.rules_sample"), icon=":material/description:", key="data-rules-sample"):
            desk.change(rules=SAMPLE_RULES.read_text(encoding="utf-8"))
        return None
    if st.button(t("data_page.rules_other"), icon=":material/close:", key="data-rules-remove"):
        desk.change(rules="", edits=desk.draft.edits + 1)
    return draw_report(desk, report_of(desk))


def report_of(desk: Desk) -> RuleReport:
    """Return how the rows fare; raises ConfigError with every problem of the rules file, or InputError."""
    path = desk.path.with_name("rules.yaml")
    write_text(path, desk.draft.rules)
    try:
        rules = RuleSet.from_yaml(path)
    except MacTunerError as problem:
        raise in_own_words(problem, path, path.name) from problem
    rows = desk.finished()
    mark = hashlib.sha256(desk.draft.rules.encode()).hexdigest()
    return desk.kept("rules", ("read", "kakaotalk", "clean", "privacy"), lambda: check(rows, rules), mark)


def draw_report(desk: Desk, report: RuleReport) -> list[int] | None:
    """Draw passed and failed, per rule and per row; returns the failing rows when only those shall be shown."""
    failed = report.failed
    columns = st.columns(2)
    columns[0].metric(t("data_page.passed"), f"{len(report.results) - len(failed):,}")
    columns[1].metric(t("data_page.failed"), f"{len(failed):,}")
    rule, count, line, reason = (t(f"data_page.{name}") for name in ("rule", "breaking", "line", "reason"))
    small_table(
        [{"": "✓" if not number else "✗", rule: name, count: f"{number:,}"} for name, number in report.broken.items()]
    )
    if not failed:
        return None
    failures = [
        {line: result.line, rule: failure.rule, reason: failure.broken.text(language())}
        for result in failed
        for failure in result.failures
    ]
    small_table(failures[:SHOWN_FAILURES], height=TABLE_HEIGHT if len(failures) > 5 else None)
    if st.toggle(t("data_page.only_failed"), key=desk.draft.key("only-failed")):
        return [result.row - 1 for result in failed]
    return None
