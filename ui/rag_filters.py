"""Narrowing a search to documents, pages, dates or tags; only what the documents of a collection differ in is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from mactuner_core.rag.hits import Filters, StoredDocument
from ui.language import t


def ask_filters(documents: Sequence[StoredDocument], key: str) -> Filters:
    """Draw what a search can be narrowed to, and return it."""
    pages = max(one.pages for one in documents)
    days = sorted({one.date for one in documents})
    tags = sorted({tag for one in documents for tag in one.tags})
    if len(documents) == 1 and pages == 1 and not tags:
        return Filters()
    with st.expander(t("rag_page.filters"), icon=":material/filter_alt:"):
        only = _documents(documents, key) if len(documents) > 1 else ()
        chosen = _tags(tags, key) if tags else ()
        first, last = _pages(pages, key) if pages > 1 else (None, None)
        after, before = _days(days[0], days[-1], key) if len(days) > 1 else (None, None)
    return Filters(only, first, last, after, before, chosen)


def _documents(documents: Sequence[StoredDocument], key: str) -> tuple[str, ...]:
    only = st.multiselect(
        t("rag_page.only_documents"), [one.name for one in documents], key=f"{key}-only",
        placeholder=t("rag_page.all_documents"), help=t("rag_page.only_documents_help"), select_all=False,
    )  # fmt: skip
    return tuple(only)


def _tags(tags: Sequence[str], key: str) -> tuple[str, ...]:
    chosen = st.multiselect(
        t("rag_page.only_tags"), tags, key=f"{key}-tags", placeholder=t("rag_page.all_tags"),
        help=t("rag_page.only_tags_help"), select_all=False,
    )  # fmt: skip
    return tuple(chosen)


def _pages(last: int, key: str) -> tuple[int | None, int | None]:
    """Return the first and the last page to look at, None where that is the end anyway."""
    left, right = st.columns(2)
    help = t("rag_page.pages_help", pages=last)
    begin = left.number_input(t("rag_page.first_page"), 1, last, 1, key=f"{key}-first-{last}", help=help)
    end = right.number_input(t("rag_page.last_page"), 1, last, last, key=f"{key}-last-{last}", help=help)
    return (begin if begin > 1 else None), (end if end < last else None)


def _days(first: str, last: str, key: str) -> tuple[str | None, str | None]:
    """Return the first and the last day to look at, None where that is the end anyway."""
    left, right = st.columns(2)
    low, high = date.fromisoformat(first), date.fromisoformat(last)
    help = t("rag_page.days_help")
    begin = left.date_input(
        t("rag_page.after"), low, low, high, key=f"{key}-after-{first}-{last}", format="YYYY-MM-DD", help=help
    )
    end = right.date_input(
        t("rag_page.before"), high, low, high, key=f"{key}-before-{first}-{last}", format="YYYY-MM-DD", help=help
    )
    return (begin.isoformat() if begin > low else None), (end.isoformat() if end < high else None)
