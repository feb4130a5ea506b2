"""`mactuner data validate`: every row of a dataset or a file against `rules.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mactuner_core.catalog import open_catalog
from mactuner_core.cli.output import JsonOption, emit_json, show, show_table
from mactuner_core.data.given import given_rows
from mactuner_core.data.rules.check import RuleReport, check
from mactuner_core.data.rules.keep import token_counter
from mactuner_core.data.rules.report_file import write_failed, write_passed, write_report
from mactuner_core.data.rules.ruleset import RuleSet
from mactuner_core.messages import text
from mactuner_core.workspace import open_workspace

SHOWN_ROWS = 20
FAILED = 1


def add_to(group: typer.Typer) -> None:
    """Add the command `validate` to the group of data commands."""
    group.command("validate", help=text("rules.validate_help"))(validate)


def validate(
    target: Annotated[str, typer.Argument(help=text("rules.target_help"), metavar="DATASET|FILE")],
    rules: Annotated[Path, typer.Option("--rules", help=text("rules.rules_help"))],
    failed_to: Annotated[Path | None, typer.Option("--failed-to", help=text("rules.failed_to_help"))] = None,
    passed_to: Annotated[Path | None, typer.Option("--passed-to", help=text("rules.passed_to_help"))] = None,
    report_to: Annotated[Path | None, typer.Option("--report-to", help=text("rules.report_to_help"))] = None,
    model: Annotated[str | None, typer.Option("--model", help=text("rules.model_help"))] = None,
    json: JsonOption = False,
) -> None:
    """Check every row; exit code 0 when all pass, 1 when some fail."""
    rule_set = RuleSet.from_yaml(rules)
    catalog = open_catalog(open_workspace())
    rows, splits = given_rows(catalog, target)
    report = check(rows, rule_set, token_counter(Path(catalog.model(model).path)) if model else None, splits)
    if failed_to:
        write_failed(report, rows, failed_to)
    if report_to:
        write_report(report, report_to)
    if passed_to:
        write_passed(report, rows, passed_to)
    if json:
        emit_json(report.as_dict())
    else:
        _show(report)
    if report.failed:
        raise typer.Exit(FAILED)


def _show(report: RuleReport) -> None:
    rows, failed = len(report.results), report.failed
    if not failed:
        show(text("rules.all_passed", rows=rows, rules=len(report.rules)))
        return
    show(text("rules.some_failed", rows=rows, failed=len(failed)))
    show_table(["rules.column_rule", "rules.column_broken"], report.broken.items())
    lines = [
        (f"{result.split} {result.line}".strip(), failure.rule, failure.broken.text())
        for result in failed
        for failure in result.failures
    ]
    show_table(["rules.column_line", "rules.column_rule", "rules.column_reason"], lines[:SHOWN_ROWS])
    shown = {line for line, _, _ in lines[:SHOWN_ROWS]}
    if len(failed) > len(shown):
        show(text("rules.more_rows", count=len(failed) - len(shown)))
