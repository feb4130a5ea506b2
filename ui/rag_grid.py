"""Comparing settings of the search on the same questions: which ones, and the run over all their combinations."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from mactuner_core.rag.collection import Collection
from mactuner_core.rag.config import RagConfig, SearchConfig
from mactuner_core.rag.evaluate import Question
from mactuner_core.rag.grid import LIMITS, METHODS, GridConfig, Row, run_grid
from mactuner_core.rag.question_file import FileSource, hit_matches
from mactuner_core.rag.trial import Trials
from ui.language import labels, t
from ui.page import App

KS = (1, 3, 5, 10, 20)
SIZES, OVERLAPS = (128, 256, 512, 1024), (0, 10, 20, 30)
MOST_CHUNKS = 3000  # of a collection that is cut anew while a page waits


def ask_grid(facts: Mapping[str, Any], key: str) -> GridConfig | None:
    """Draw the values to combine; return them, or None when a list is empty."""
    names = labels("rag_page.method_", METHODS)
    methods = st.pills(
        t("rag_page.grid_methods"), METHODS, selection_mode="multi", default=METHODS, format_func=names.__getitem__,
        key=f"{key}-grid-methods", help=t("rag_page.grid_methods_help"),
    )  # fmt: skip
    ks = _numbers(t("rag_page.grid_ks"), t("rag_page.grid_ks_help"), KS, (1, 3, 5, 10), f"{key}-grid-ks")
    size, overlap = own_cut(RagConfig.check(facts["settings"]), facts["model"]["longest"])
    sizes, overlaps = [size], [overlap]
    if facts["chunks"] <= MOST_CHUNKS:
        fitting = [one for one in SIZES if one <= facts["model"]["longest"]]
        label, help = t("rag_page.grid_sizes"), t("rag_page.grid_sizes_help")
        sizes = _numbers(label, help, sorted({size, *fitting}), (size,), f"{key}-grid-sizes")
        label, help = t("rag_page.grid_overlaps"), t("rag_page.grid_overlaps_help")
        overlaps = _numbers(label, help, sorted({overlap, *OVERLAPS}), (overlap,), f"{key}-grid-overlaps")
        if sizes != [size] or overlaps != [overlap]:
            st.caption(f":material/info: {t('rag_page.grid_rebuilds')}")
    else:
        st.caption(f":material/info: {t('rag_page.grid_large', count=f'{MOST_CHUNKS:,}')}")
    if not (methods and ks and sizes and overlaps):
        st.caption(f":material/error: {t('rag_page.grid_empty')}")
        return None
    return GridConfig(chunk_tokens=sizes, overlap_percent=overlaps, method=list(methods), k=ks)


def compare(
    app: App,
    collection: Collection,
    questions: Sequence[Question[FileSource]],
    config: SearchConfig,
    wanted: GridConfig,
    told: Callable[[int, int], None],
) -> list[Row]:
    """Return a row for every combination; the collection itself is searched where it is cut as wanted, else a trial one."""
    own = own_cut(collection.config, collection.embedder.longest)
    told(0, 1)
    with (
        tempfile.TemporaryDirectory(prefix=".new-", dir=app.workspace.root) as folder,
        Trials(app.workspace, collection, Path(folder)) as trials,
    ):
        return run_grid(
            wanted,
            questions,
            lambda size, overlap: collection if (size, overlap) == own else trials.build(size, overlap),
            lambda one, method, question, k: one.search(
                question, SearchConfig.check(config.model_dump() | {"method": method, "top_k": k})
            ),
            matches=hit_matches,
            on_progress=told,
        )


def own_cut(config: RagConfig, longest: int) -> tuple[int, int]:
    """Return chunk size and overlap of a collection as they came to be: no model gets more than it reads."""
    return max(LIMITS["chunk_tokens"][0], min(config.chunk_tokens, longest)), config.overlap_percent


def _numbers(label: str, help: str, options: Sequence[int], default: Sequence[int], key: str) -> list[int]:
    return sorted(st.pills(label, options, selection_mode="multi", default=default, key=key, help=help))
