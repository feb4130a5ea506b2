"""Filters of a search as the chunks that pass them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from mactuner_core.errors import InputError
from mactuner_core.rag.hits import Filters
from mactuner_core.rag.intake import check_date
from mactuner_core.rag.segment import Mask
from mactuner_core.rag.snapshot import Snapshot

if TYPE_CHECKING:
    from mactuner_core.rag.collection import Collection


def allowed_masks(collection: Collection, snapshot: Snapshot, filters: Filters) -> list[Mask | None]:
    """Return for each segment which chunks pass.

    Raises NotFoundError for a document that is not there, InputError for a bad date or pages in the wrong order.
    """
    if filters.first_page and filters.last_page and filters.first_page > filters.last_page:
        raise InputError("rag.bad_pages", first=filters.first_page, last=filters.last_page)
    documents = _documents(collection, filters)
    conditions = [f"document IN ({','.join('?' * len(documents))})"]
    values: list[Any] = list(documents)
    if filters.first_page is not None:
        conditions.append("last_page >= ?")
        values.append(filters.first_page)
    if filters.last_page is not None:
        conditions.append("page <= ?")
        values.append(filters.last_page)
    query = f"SELECT row FROM chunks WHERE {' AND '.join(conditions)} ORDER BY row"  # noqa: S608 (own conditions)
    rows = np.array([row for (row,) in collection.store.rows(query, values)], dtype=np.int64)
    return [np.isin(segment.rows, rows, assume_unique=True) for segment in snapshot.segments]


def _documents(collection: Collection, filters: Filters) -> list[int]:
    named = {collection.document(one).id for one in filters.documents}
    after, before = (check_date(one) if one else None for one in (filters.after, filters.before))
    rows = collection.store.rows("SELECT row, id, date, tags FROM documents")
    return [
        row
        for row, document_id, date, tags in rows
        if (not named or document_id in named)
        and (after is None or date >= after)
        and (before is None or date <= before)
        and (not filters.tags or set(filters.tags) & set(json.loads(tags)))
    ]
