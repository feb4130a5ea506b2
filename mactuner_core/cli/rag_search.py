"""`mactuner rag search`: passages of a collection for a question."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from mactuner_core.cli.options import with_settings
from mactuner_core.cli.output import JsonOption, emit_json, show
from mactuner_core.cli.rag import SHOWN_CHARACTERS, CollectionOption
from mactuner_core.messages import text
from mactuner_core.rag.config import SearchConfig
from mactuner_core.rag.excerpt import excerpt
from mactuner_core.rag.hits import Filters, Hit
from mactuner_core.workspace import open_workspace


@with_settings(SearchConfig)
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY")],
    collection: CollectionOption,
    documents: Annotated[
        list[str] | None, typer.Option("--document", help=text("rag_cli.filter_document_help"))
    ] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help=text("rag_cli.filter_tag_help"))] = None,
    first_page: Annotated[int | None, typer.Option(min=1, help=text("rag_cli.first_page_help"))] = None,
    last_page: Annotated[int | None, typer.Option(min=1, help=text("rag_cli.last_page_help"))] = None,
    after: Annotated[str | None, typer.Option("--after", help=text("rag_cli.after_help"))] = None,
    before: Annotated[str | None, typer.Option("--before", help=text("rag_cli.before_help"))] = None,
    json: JsonOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    from mactuner_core.rag.collections import open_collection

    config = SearchConfig.check(settings)
    filters = Filters(tuple(documents or ()), first_page, last_page, after, before, tuple(tags or ()))
    with open_collection(open_workspace(), collection) as opened:
        hits = opened.search(query, config, filters)
        suggested = opened.facts()["suggested_min_score"]
    if json:
        found = {"query": query, "collection": collection, "method": config.method, "min_score": config.min_score}
        emit_json(found | {"suggested_min_score": suggested, "results": [hit.as_dict() for hit in hits]})
        return
    if not hits:
        show(text("rag_cli.no_hits", score=config.min_score))
    for number, hit in enumerate(hits, start=1):
        _show(number, hit)


def _show(number: int, hit: Hit) -> None:
    place = str(hit.page) if hit.page == hit.last_page else f"{hit.page}–{hit.last_page}"
    values: dict[str, Any] = {"number": number, "score": f"{hit.score:.2f}", "document": hit.document, "page": place}
    show(text("rag_cli.hit", **values, chunk=hit.chunk_id))
    if hit.headings:
        show("   " + " > ".join(hit.headings))
    shown, spans = excerpt(hit.text, hit.spans, SHOWN_CHARACTERS)
    marked = Text(shown)
    for start, end in spans:
        marked.stylize("bold yellow", start, end)
    Console(highlight=False, soft_wrap=True).print(Text("   ") + marked)
