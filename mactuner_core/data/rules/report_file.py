"""Writing a rule report: a table for a spreadsheet (CSV) or one JSON object a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

from mactuner_core.data.rows import Example, Rejected
from mactuner_core.data.rules.check import RuleReport
from mactuner_core.workspace import write_text


def write_report(report: RuleReport, path: Path) -> None:
    """Write every row of the report: CSV when `path` ends in .csv (one column a rule), else JSON lines."""
    write_text(path, _csv(report) if path.suffix.lower() == ".csv" else _json_lines(report))


def write_failed(report: RuleReport, rows: Iterable[Example | Rejected], path: Path) -> None:
    """Write the failing rows with their reasons: CSV when `path` ends in .csv, else JSON lines with the whole row."""
    write_text(path, failed_table(report) if path.suffix.lower() == ".csv" else failed_lines(report, rows))


def write_passed(report: RuleReport, rows: Iterable[Example | Rejected], path: Path) -> None:
    """Write the rows that pass as JSON lines, as a dataset is saved."""
    write_text(path, passed_lines(report, rows))


def passed_lines(report: RuleReport, rows: Iterable[Example | Rejected]) -> str:
    """Return the rows that pass, one JSON object a line."""
    return "".join(json.dumps(row.as_row(), ensure_ascii=False) + "\n" for row in report.passing(rows))


def failed_lines(report: RuleReport, rows: Iterable[Example | Rejected]) -> str:
    """Return the failing rows with their reasons and all their content, one JSON object a line."""
    lines = []
    for row, result in zip(rows, report.results, strict=True):
        if not result.passed:
            content = row.as_row() if isinstance(row, Example) else None
            lines.append(json.dumps(result.as_dict() | {"content": content}, ensure_ascii=False) + "\n")
    return "".join(lines)


def failed_table(report: RuleReport) -> str:
    """Return the failing rows with their reasons as CSV for a spreadsheet."""
    return _csv(RuleReport(report.rules, report.failed))


def _csv(report: RuleReport) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["row", "split", "line", "passed", *report.rules, "reasons"])
    for result in report.results:
        broken = {failure.rule for failure in result.failures}
        reasons = " / ".join(f"{failure.rule}: {failure.broken.text()}" for failure in result.failures)
        marks = ["fail" if rule in broken else "pass" for rule in report.rules]
        writer.writerow([result.row, result.split, result.line, "pass" if result.passed else "fail", *marks, reasons])
    return "\ufeff" + file.getvalue()  # with the mark, a spreadsheet reads the Korean letters


def _json_lines(report: RuleReport) -> str:
    return "".join(json.dumps(result.as_dict(), ensure_ascii=False) + "\n" for result in report.results)
