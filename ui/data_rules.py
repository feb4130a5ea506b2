"""The rows of the draft held against a rules file: which pass and fail, copies of both, and saving only those that pass."""

from __future__ import annotations

import hashlib

import streamlit as st

from mactuner_core.data.rules.check import RuleReport, check
from mactuner_core.data.rules.keep import token_counter
from mactuner_core.data.rules.report_file import failed_lines, failed_table, passed_lines
from mactuner_core.data.rules.ruleset import RuleSet
from mactuner_core.errors import MacTunerError
from mactuner_core.workspace import write_text
from ui.data_draft import in_own_words
from ui.data_understand import choose_model
from ui.data_work import Desk
from ui.errors import escaped
from ui.examples import small_table
from ui.language import labels, language, t
from ui.uploads import SAMPLES

SAMPLE_RULES = SAMPLES / "big_five_rules.yaml"
SHOWN_FAILURES = 100
TABLE_HEIGHT = 300
FILTERS = ("all", "passed", "failed")


def rules_box(desk: Desk) -> list[int] | None:
    """Draw the choice of rules and what they say; returns the rows to show in the table, None for all."""
    st.markdown(f":material/rule: **{t('data_page.rules')}**")
    given = desk.recipe.rules
    if not desk.draft.rules and given is None:
        st.caption(t("data_page.rules_help"))
        choose_rules(desk)
        return None
    name = str(desk.draft.extra.get("rules_name", "")) if desk.draft.rules or given is None else given.name
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f":gray[{escaped(name)}]", width="content")
        if st.button(t("data_page.rules_other"), icon=":material/close:", key="data-rules-remove"):
            desk.forget_rules()
    rules = rules_of(desk)
    if rules.needs_tokenizer and not desk.tokenizer:
        st.info(t("data_rules.needs_model"), icon=":material/info:")
        choose_model(desk)
        return None
    return draw_report(desk, rules, report_of(desk, rules))


def choose_rules(desk: Desk) -> None:
    """Draw the ways to rules: a file, or the sample."""
    given = st.file_uploader(t("data_page.rules_upload"), type=("yaml", "yml"), key=desk.draft.key("rules-file"))
    if given is not None:
        words = given.getvalue().decode("utf-8", errors="replace")
        desk.change(rules=words, extra={**desk.draft.extra, "rules_name": given.name})
    if st.button(t("data_page.rules_sample"), icon=":material/description:", key="data-rules-sample"):
        words = SAMPLE_RULES.read_text(encoding="utf-8")
        desk.change(rules=words, extra={**desk.draft.extra, "rules_name": SAMPLE_RULES.name})


def rules_of(desk: Desk) -> RuleSet:
    """Return the rules of the draft: those that came with its recipe, or those of the chosen file.

    Raises ConfigError with every problem of the file, or InputError.
    """
    if desk.recipe.rules and not desk.draft.rules:
        return desk.recipe.rules
    path = desk.path.with_name("rules.yaml")
    write_text(path, desk.draft.rules)
    try:
        rules = RuleSet.from_yaml(path)
    except MacTunerError as problem:
        raise in_own_words(problem, path, path.name) from problem
    name = str(desk.draft.extra.get("rules_name", ""))
    return rules.model_copy(update={"name": f"{rules.name} ({name})".strip()}) if name else rules


def report_of(desk: Desk, rules: RuleSet) -> RuleReport:
    """Return how the rows fare."""
    rows = desk.checked()
    counter = token_counter(desk.tokenizer) if rules.needs_tokenizer else None
    mark = hashlib.sha256(rules.to_yaml().encode()).hexdigest()
    sections = ("read", "kakaotalk", "clean", "privacy")
    return desk.kept("rules", sections, lambda: check(rows, rules, counter), f"{desk.model} {mark}")


def draw_report(desk: Desk, rules: RuleSet, report: RuleReport) -> list[int] | None:
    """Draw passed and failed, per rule and per row, the copies, and the wish to save only what passes."""
    failed = report.failed
    columns = st.columns(2)
    columns[0].metric(t("data_page.passed"), f"{len(report.results) - len(failed):,}")
    columns[1].metric(t("data_page.failed"), f"{len(failed):,}")
    rule, count, line, reason = (t(f"data_page.{name}") for name in ("rule", "breaking", "line", "reason"))
    small_table(
        [{"": "✓" if not number else "✗", rule: name, count: f"{number:,}"} for name, number in report.broken.items()]
    )
    only = st.toggle(
        t("data_rules.only_passing"),
        value=desk.recipe.rules is not None,
        help=t("data_rules.only_passing_help"),
        key=desk.draft.key("rules-only"),
    )
    desk.change_recipe(rules=rules if only else None)
    if not failed:
        st.success(t("data_rules.all_pass"), icon=":material/check_circle:")
        return None
    failures = [
        {line: result.line, rule: failure.rule, reason: failure.broken.text(language())}
        for result in failed
        for failure in result.failures
    ]
    small_table(failures[:SHOWN_FAILURES], height=TABLE_HEIGHT if len(failures) > 5 else None)
    copies(desk, report)
    return chosen_rows(desk, report)


def chosen_rows(desk: Desk, report: RuleReport) -> list[int] | None:
    """Draw which rows the table below shall show, and return them."""
    names = labels("data_rules.show_", FILTERS)
    shown = st.segmented_control(
        t("data_rules.show"),
        FILTERS,
        default="all",
        required=True,
        format_func=names.__getitem__,
        key=desk.draft.key("rules-show"),
    )
    if shown in (None, "all"):
        return None
    return [result.row - 1 for result in report.results if result.passed == (shown == "passed")]


def copies(desk: Desk, report: RuleReport) -> None:
    """Draw the downloads; a file is made when its button is pressed."""
    rows = desk.checked()
    icon = ":material/download:"
    with st.container(horizontal=True):
        st.download_button(
            t("data_rules.passed_file"),
            lambda: passed_lines(report, rows),
            "passed.jsonl",
            icon=icon,
            key="rules-passed",
        )
        st.download_button(
            t("data_rules.failed_file"),
            lambda: failed_lines(report, rows),
            "failed.jsonl",
            icon=icon,
            key="rules-failed",
        )
        st.download_button(
            t("data_rules.failed_sheet"),
            lambda: failed_table(report),
            "failed.csv",
            icon=icon,
            key="rules-sheet",
        )
