"""What measuring a search gave: tables, a chart, the questions that were missed, and the figures as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import streamlit as st

from mactuner_core.rag.evaluate import Asked, Report
from mactuner_core.rag.grid import METHODS, Row, best_row
from mactuner_core.rag.measures import Measure
from mactuner_core.rag.question_file import FileSource
from ui.errors import escaped
from ui.examples import small_table
from ui.language import labels, t
from ui.rag_charts import cut_of, grid_chart

SHOWN = ("recall@5", "mrr", "ndcg@10")
MOST_MISSED = 50
TABLE_HEIGHT = 420
LONG = 10  # rows


def draw_report(report: Report[FileSource], method: str, name: str) -> None:
    """Draw how well the search did as it is set, in all and for each kind of question."""
    st.markdown(f"**{t('rag_page.measured')}** :gray[{t(f'rag_page.method_{method}')}]")
    columns = st.columns(1 + len(SHOWN))
    columns[0].metric(t("rag_page.measured_questions"), f"{len(report.asked):,}")
    for column, shown in zip(columns[1:], SHOWN, strict=True):
        column.metric(measure_name(shown), f"{report.measure(shown).mean:.2f}", help=measure_help(shown))
    names = [f"recall@{k}" for k in report.ks] + ["mrr"] + [f"ndcg@{k}" for k in report.ks if k > 1]
    small_table([report_row(report, one) for one in names])
    st.caption(t("rag_page.interval"))
    if missed := report.missed:
        with st.expander(t("rag_page.missed", count=len(missed)), icon=":material/search_off:"):
            for question in missed[:MOST_MISSED]:
                places = ", ".join(dict.fromkeys(place_of(source) for source in question.sources))
                st.markdown(f"- {escaped(question.question)} :gray[{escaped(places)}]")
            if len(missed) > MOST_MISSED:
                st.caption(t("rag_page.missed_more", count=len(missed) - MOST_MISSED))
    download("report", [asked_row(one) for one in report.asked], f"{name}-questions.csv")


def draw_grid(rows: Sequence[Row], name: str) -> None:
    """Draw every combination, in a chart and a table, and which one to use."""
    st.markdown(f"**{t('rag_page.grid')}**")
    best = best_row(rows)
    values = {"size": best.chunk_tokens, "overlap": best.overlap_percent, "k": best.k}
    sentence = t("rag_page.grid_best", method=t(f"rag_page.method_{best.method}"), **values)
    st.success(sentence, icon=":material/trophy:")
    grid_chart(rows)
    small_table(
        [grid_row(row, cuts=several_cuts(rows)) for row in rows], height=TABLE_HEIGHT if len(rows) > LONG else None
    )
    download("grid", [row.as_dict() for row in rows], f"{name}-grid.csv")


def several_cuts(rows: Sequence[Row]) -> bool:
    """Tell whether documents were cut in more than one way."""
    return len({(row.chunk_tokens, row.overlap_percent) for row in rows}) > 1


def grid_row(row: Row, *, cuts: bool) -> dict[str, object]:
    """Return a line of the table; how documents were cut only where that differs."""
    cut = {t("rag_page.column_cut"): cut_of(row)} if cuts else {}
    return cut | {
        t("rag_page.column_method"): labels("rag_page.method_", METHODS)[row.method],
        "k": row.k,
        t("rag_page.column_recall"): with_interval(row.recall),
        "MRR": f"{row.mrr.mean:.2f}",
        "nDCG": f"{row.ndcg.mean:.2f}",
        t("rag_page.column_ms"): f"{row.search_ms:,.1f}",
    }


def report_row(report: Report[FileSource], name: str) -> dict[str, object]:
    """Return a line of the table: a measure of all questions, and of each kind."""
    kinds: dict[str, object] = {kind: f"{report.measure(name, kind).mean:.2f}" for kind in report.kinds}
    line: dict[str, object] = {
        t("rag_page.column_measure"): measure_name(name),
        t("rag_page.column_all"): with_interval(report.measure(name)),
    }
    return line | kinds


def asked_row(one: Asked[FileSource]) -> dict[str, object]:
    """Return a question as a line of the file: where its sources stood among the hits, empty where they did not."""
    return {
        "question": one.question.question,
        "kind": one.question.kind,
        "documents": "; ".join(place_of(source) for source in one.question.sources),
        "ranks": "; ".join("" if rank is None else str(rank) for rank in one.ranks),
        "search_ms": round(1000 * one.seconds, 2),
    }


def place_of(source: FileSource) -> str:
    """Return a document, with its page where one is named."""
    if source.page is None:
        return source.document
    return t("rag_page.page_of", document=source.document, page=source.page)


def measure_name(name: str) -> str:
    """Return "recall@5" as people read it."""
    measure, _, k = name.partition("@")
    return t(f"rag_page.measure_{measure}", k=k)


def measure_help(name: str) -> str:
    """Return what a measure says."""
    measure, _, k = name.partition("@")
    return t(f"rag_page.about_{measure}", k=k)


def with_interval(measure: Measure) -> str:
    """Return a mean with the ends of its interval."""
    return f"{measure.mean:.2f} ({measure.low:.2f}–{measure.high:.2f})"


def download(name: str, rows: Sequence[Mapping[str, object]], file: str) -> None:
    """Draw the button that saves the figures as a table that spreadsheets open."""
    written = io.StringIO()
    lines = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
    lines.writeheader()
    lines.writerows(rows)
    st.download_button(
        t("rag_page.result_download"), written.getvalue().encode("utf-8-sig"), file, icon=":material/download:",
        key=f"documents-measure-{name}-download", on_click="ignore", help=t("rag_page.result_download_help"),
    )  # fmt: skip
